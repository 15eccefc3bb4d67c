import {
  createParamDecorator,
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ProducerKeys, type ProducerIdentity } from './credentials/producer-keys.js';
import { RequestValue, type HttpRequest } from './http-request.js';

const currentProducer = new RequestValue<ProducerIdentity>('producer');

/** Lets producers with an API key pass, and remembers which one it is. */
@Injectable()
export class ProducerGuard implements CanActivate {
  constructor(@Inject(ProducerKeys) private readonly keys: ProducerKeys) {}

  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    currentProducer.set(request, this.keys.authenticate(request));
    return true;
  }
}

/** The {@link ProducerIdentity} of the API key, as a parameter of a route behind {@link ProducerGuard}. */
export const CurrentProducer = createParamDecorator(
  (_data: unknown, context: ExecutionContext): ProducerIdentity =>
    currentProducer.get(context.switchToHttp().getRequest<HttpRequest>()),
);
