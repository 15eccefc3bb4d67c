import { UnauthenticatedError } from '../../contract/errors.js';

/** A token is present and not valid; the challenge must distinguish that from a missing one (RFC 6750, section 3.1). */
export class InvalidTokenError extends UnauthenticatedError {}
