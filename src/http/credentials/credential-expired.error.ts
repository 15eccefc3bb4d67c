import { UnauthenticatedError } from '../../contract/errors.js';

/** The credential was good until a moment that has passed. */
export class CredentialExpiredError extends UnauthenticatedError {}
