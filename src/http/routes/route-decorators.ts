import {
  applyDecorators,
  Controller,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type Type,
} from '@nestjs/common';
import { AdminGuard, ProducerGuard, SupportGuard } from '../credentials/api-key.guard.js';
import { RecipientGuard } from '../credentials/recipient.guard.js';
import { NoStoreInterceptor } from '../response/no-store.interceptor.js';
import { ProblemFilter } from '../response/problem.filter.js';

const TIDINGS_ROUTES = 'tidings:routes';

/** A controller of this package below `path`: every error is answered as `application/problem+json`. It checks credentials by itself. */
export function TidingsRoutes(path: string, ...decorators: ClassDecorator[]): ClassDecorator {
  return applyDecorators(
    Controller(path),
    SetMetadata(TIDINGS_ROUTES, true),
    UseFilters(ProblemFilter),
    ...decorators,
  );
}

/** Routes for recipients: the credential names the feed, see {@link CurrentFeed}. No cache may store the answer. */
export function RecipientRoutes(path: string): ClassDecorator {
  return TidingsRoutes(path, UseGuards(RecipientGuard), UseInterceptors(NoStoreInterceptor));
}

/** Routes for producers, who have an API key; see {@link CurrentHolder}. */
export function ProducerRoutes(path: string): ClassDecorator {
  return TidingsRoutes(path, UseGuards(ProducerGuard));
}

/** Routes for the support team, whose API key opens any feed (G8). No cache may store the answer. */
export function SupportRoutes(path: string): ClassDecorator {
  return TidingsRoutes(path, UseGuards(SupportGuard), UseInterceptors(NoStoreInterceptor));
}

/** Routes for administrators, whose API key erases feeds. */
export function AdminRoutes(path: string): ClassDecorator {
  return TidingsRoutes(path, UseGuards(AdminGuard));
}

/** Whether a controller has one of these decorators, or extends one that has. */
export function hasTidingsRoutes(controller: Type): boolean {
  return Reflect.hasMetadata(TIDINGS_ROUTES, controller);
}
