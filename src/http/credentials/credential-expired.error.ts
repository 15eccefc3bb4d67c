import { UnauthenticatedError } from '../../contract/errors.js';

/** The credential has expired. */
export class CredentialExpiredError extends UnauthenticatedError {}
