import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Injectable,
  NotFoundException,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Settings } from './settings/settings.js';

const OPEN_ON = 'tidings:open-on';

/** Marks a controller for operators: its routes are only on the admin port. */
export const OnAdminPort = (): ClassDecorator => SetMetadata(OPEN_ON, 'admin');
/** Marks a controller for orchestrators: its routes are on both ports. */
export const OnBothPorts = (): ClassDecorator => SetMetadata(OPEN_ON, 'both');

/**
 * Hides routes from the port that they are not for: there they do not exist. All other routes are on the public port alone. With
 * `TIDINGS_ADMIN_PORT` equal to `PORT` there is one port for all.
 */
@Injectable()
export class PortGuard implements CanActivate {
  readonly #reflector = new Reflector();

  constructor(
    /** The admin server, if it has a port of its own. */
    private readonly admin: Server | null,
    private readonly adminRoutesAreOpen: boolean,
  ) {}

  canActivate(context: ExecutionContext): true {
    const openOn = this.#reflector.get<'admin' | 'both' | undefined>(OPEN_ON, context.getClass());
    if (openOn === 'both') return true;
    const request = context.switchToHttp().getRequest<IncomingMessage>();
    if (openOn === 'admin' ? this.hasAdminRoutes(request) : !this.isOnAdminPort(request)) return true;
    const { method, url } = request;
    // In the words of an unknown path.
    throw new NotFoundException(`Cannot ${method} ${url}`);
  }

  /** Whether the routes for operators are there for this request. */
  hasAdminRoutes(request: IncomingMessage): boolean {
    return this.adminRoutesAreOpen || this.isOnAdminPort(request);
  }

  private isOnAdminPort({ socket }: IncomingMessage): boolean {
    const address = this.admin?.address() as AddressInfo | null | undefined;
    return address?.port === socket.localPort;
  }
}

/** A second server of the same application, or `null` if the admin routes are off or on the public port. */
export function adminServer({ port, adminPort }: Settings, application: RequestListener): Server | null {
  return adminPort === null || adminPort === port ? null : createServer(application);
}
