import {
  createParamDecorator,
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import { RecipientAuthenticator, type RecipientIdentity } from './recipient-authenticator.js';
import { RequestValue, type HttpRequest } from '../request/http-request.js';

const currentRecipient = new RequestValue<RecipientIdentity>('recipient');

/** Lets recipients pass, and remembers whose feed the request is about. */
@Injectable()
export class RecipientGuard implements CanActivate {
  constructor(@Inject(RecipientAuthenticator) private readonly recipients: RecipientAuthenticator) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    currentRecipient.set(request, await this.recipients.authenticate(request));
    return true;
  }
}

/** The {@link FeedKey} of the verified credential, as a parameter of a route behind {@link RecipientGuard}. */
export const CurrentFeed = createParamDecorator(
  (_data: unknown, context: ExecutionContext): FeedKey =>
    currentRecipient.get(context.switchToHttp().getRequest<HttpRequest>()).feed,
);
