import {
  createParamDecorator,
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { ApiKeys, type KeyHolder, type KeyScope } from './api-keys.js';
import { RateLimits } from '../limits/rate-limits.js';
import { RequestValue, type HttpRequest } from '../request/http-request.js';

const currentHolder = new RequestValue<KeyHolder>('holder of an API key');

/** A guard that requires an API key with the scope and remembers its owner. */
function guardFor(scope: KeyScope): Type<CanActivate> {
  @Injectable()
  class ApiKeyGuard implements CanActivate {
    constructor(
      @Inject(ApiKeys) private readonly keys: ApiKeys,
      @Inject(RateLimits) private readonly limits: RateLimits,
    ) {}

    async canActivate(context: ExecutionContext): Promise<true> {
      const request = context.switchToHttp().getRequest<HttpRequest>();
      const holder = this.keys.authenticate(request, scope);
      if (scope === 'producer') await this.limits.takeProducer(holder.id);
      currentHolder.set(request, holder);
      return true;
    }
  }
  return ApiKeyGuard;
}

export const ProducerGuard = guardFor('producer');
export const SupportGuard = guardFor('support');
export const AdminGuard = guardFor('admin');

/** A route's parameter: the {@link KeyHolder} that one of these guards has identified. */
export const CurrentHolder = createParamDecorator((_data: unknown, context: ExecutionContext): KeyHolder =>
  currentHolder.get(context.switchToHttp().getRequest<HttpRequest>()),
);
