import { HttpException, Logger } from '@nestjs/common';
import { Observable } from 'rxjs';
import { ForbiddenError, UnauthenticatedError } from '../../contract/errors.js';
import { feedKeyString } from '../../contract/model/feed.js';
import type { ClosingReason, Frame } from '../../contract/ports/stream.js';
import type { HttpRequest } from '../request/http-request.js';
import { printable } from '../../platform/logging/printable.js';
import { jittered } from '../../platform/time/jitter.js';
import { CredentialExpiredError } from './credential-expired.error.js';
import type { RecipientAuthenticator, RecipientIdentity } from './recipient-authenticator.js';

/**
 * A stream that ends with its session: the credential is checked again at intervals while there is a subscriber, and the signal is aborted with the
 * reason when it is refused. An error that is not a refusal (a database is unavailable) changes nothing.
 */
export function whileAuthenticated(
  recipients: RecipientAuthenticator,
  request: HttpRequest,
  identity: RecipientIdentity,
  open: (signal?: AbortSignal) => Observable<Frame>,
): Observable<Frame> {
  const everyMs = recipients.revalidateMs;
  if (everyMs === null || identity.expiresAt !== null) return open();
  return new Observable((subscriber) => {
    const ended = new AbortController();
    let timer: NodeJS.Timeout;
    let over = false;
    const ask = async (): Promise<void> => {
      const reason = await refusal(recipients, request, identity);
      if (over) return;
      if (reason) ended.abort(reason);
      else arm();
    };
    const arm = (): void => {
      // Jittered: streams that reconnected together after a deploy would otherwise stay in step.
      timer = setTimeout(() => void ask(), jittered(everyMs, 0.2));
      timer.unref();
    };
    arm();
    const subscription = open(ended.signal).subscribe(subscriber);
    return () => {
      over = true;
      clearTimeout(timer);
      subscription.unsubscribe();
    };
  });
}

/** Why the stream must end, or `null`. */
async function refusal(
  recipients: RecipientAuthenticator,
  request: HttpRequest,
  { feed, audiences }: RecipientIdentity,
): Promise<ClosingReason | null> {
  try {
    const now = await recipients.authenticate(request);
    if (feedKeyString(now.feed) !== feedKeyString(feed)) return 'revoked';
    // The client reconnects, and its stream belongs to the new ones.
    return [...now.audiences].sort().join('\n') === [...audiences].sort().join('\n')
      ? null
      : 'credential-expired';
  } catch (error) {
    if (error instanceof CredentialExpiredError) return 'credential-expired';
    if (error instanceof UnauthenticatedError || error instanceof ForbiddenError) return 'revoked';
    if (error instanceof HttpException && [401, 403].includes(error.getStatus())) return 'revoked';
    new Logger('TidingsHttp').warn(`Cannot revalidate a session: ${printable(String(error), 1_000)}`);
    return null;
  }
}
