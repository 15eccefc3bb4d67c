import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { isLoopback } from '../loopback.js';

/**
 * Accepts a request only if its host is this machine. Another page can resolve its own name to 127.0.0.1 (DNS
 * rebinding) and would then share the demo's origin; its Host header reveals that.
 */
@Injectable()
export class LocalHostGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { host?: string } }>();
    const url = `http://${headers.host ?? ''}`;
    return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
  }
}
