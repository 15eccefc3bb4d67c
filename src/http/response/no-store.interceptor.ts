import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Observable } from 'rxjs';

/** The request headers that decide whose answer it is, see `RecipientAuthenticator`. */
const CREDENTIAL_HEADERS = ['Authorization', 'Cookie', 'Origin'];

/**
 * Forbids caches to store an answer. `Vary` is for caches that store regardless of `no-store` (a CDN with rules of its own):
 * without it they would serve one user's feed to another.
 */
@Injectable()
export class NoStoreInterceptor implements NestInterceptor {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { httpAdapter } = this.host;
    const response = context.switchToHttp().getResponse<unknown>();
    // Appended, because CORS may have set `Vary: Origin` already.
    const names = String(httpAdapter.getHeader(response, 'Vary') ?? '').split(',');
    const present = names.map((name) => name.trim()).filter((name) => name !== '');
    const missing = CREDENTIAL_HEADERS.filter((name) => !present.includes(name));
    httpAdapter.setHeader(response, 'Vary', [...present, ...missing].join(', '));
    httpAdapter.setHeader(response, 'Cache-Control', 'private, no-store');
    return next.handle();
  }
}
