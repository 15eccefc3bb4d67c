import { UnauthenticatedError } from '../../contract/errors.js';

/** A token came and is not valid, which the challenge must tell from none at all (RFC 6750, section 3.1). */
export class InvalidTokenError extends UnauthenticatedError {}
