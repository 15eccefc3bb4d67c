import {
  createParamDecorator,
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import { RecipientAuthenticator, type RecipientIdentity } from './recipient-authenticator.js';
import { RateLimits } from '../limits/rate-limits.js';
import { RequestValue, type HttpRequest } from '../request/http-request.js';

const currentRecipient = new RequestValue<RecipientIdentity>('recipient');

/** Requires the credential of a recipient and remembers the recipient's feed. Limits its rate. */
@Injectable()
export class RecipientGuard implements CanActivate {
  constructor(
    @Inject(RecipientAuthenticator) private readonly recipients: RecipientAuthenticator,
    @Inject(RateLimits) private readonly limits: RateLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const identity = await this.recipients.authenticate(request);
    await this.limits.takeRecipient(identity.feed);
    currentRecipient.set(request, identity);
    return true;
  }
}

/** A route's parameter: the {@link RecipientIdentity} that {@link RecipientGuard} has identified. */
export const CurrentRecipient = createParamDecorator(
  (_data: unknown, context: ExecutionContext): RecipientIdentity =>
    currentRecipient.get(context.switchToHttp().getRequest<HttpRequest>()),
);

/** A route's parameter: the {@link FeedKey} that {@link RecipientGuard} has identified. */
export const CurrentFeed = createParamDecorator(
  (_data: unknown, context: ExecutionContext): FeedKey =>
    currentRecipient.get(context.switchToHttp().getRequest<HttpRequest>()).feed,
);
