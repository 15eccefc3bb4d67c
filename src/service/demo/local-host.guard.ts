import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { isLoopback } from '../loopback.js';

/**
 * Lets a request through only if it names this machine as its host. A page elsewhere can point a name of its own at 127.0.0.1 (DNS
 * rebinding) and would be of the same origin as the demo then; the name it has to send gives it away.
 */
@Injectable()
export class LocalHostGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { host?: string } }>();
    const url = `http://${headers.host ?? ''}`;
    return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
  }
}
