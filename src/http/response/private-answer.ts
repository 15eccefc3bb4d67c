import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Observable } from 'rxjs';

/** The headers that say whose answer it is, see `RecipientAuthenticator`. */
const CREDENTIALS = ['Authorization', 'Cookie', 'Origin'];

/**
 * Marks an answer as one recipient's, and of this moment. `no-store` says all that a cache needs to know; `Vary` is for those
 * that are told to store regardless (a CDN with rules of its own), which would show one user another one's feed.
 */
@Injectable()
export class PrivateAnswer implements NestInterceptor {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { httpAdapter } = this.host;
    const response = context.switchToHttp().getResponse<unknown>();
    // Added to what is there: CORS has set `Vary: Origin` before us.
    const names = String(httpAdapter.getHeader(response, 'Vary') ?? '').split(',');
    const known = names.map((name) => name.trim()).filter((name) => name !== '');
    const missing = CREDENTIALS.filter((name) => !known.includes(name));
    httpAdapter.setHeader(response, 'Vary', [...known, ...missing].join(', '));
    httpAdapter.setHeader(response, 'Cache-Control', 'private, no-store');
    return next.handle();
  }
}
