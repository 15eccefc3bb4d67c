import type { Provider, Type } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import { RESOLVED_OPTIONS } from '../contract/tokens.js';
import { createRecipientAuthenticator } from './credentials/index.js';
import { ApiKeys } from './credentials/api-keys.js';
import { RecipientAuthenticator } from './credentials/recipient-authenticator.js';
import { RateLimits } from './limits/rate-limits.js';
import { Refusals } from './response/refusals.js';
import { ActionsController } from './routes/actions.controller.js';
import { AllowedMethods } from './routes/allowed-methods.js';
import { ChangesController, RemovalController } from './routes/changes.controller.js';
import { DisconnectController } from './routes/disconnect.controller.js';
import { ErasureController } from './routes/erasure.controller.js';
import { InboxController } from './routes/inbox.controller.js';
import { JobsController } from './routes/jobs.controller.js';
import { NotificationsController } from './routes/notifications.controller.js';
import { PreferencesController } from './routes/preferences.controller.js';
import { PushController } from './routes/push.controller.js';
import { RecallController } from './routes/recall.controller.js';
import { SnoozeController } from './routes/snooze.controller.js';
import { StreamController } from './routes/stream.controller.js';
import { SupportController } from './routes/support.controller.js';
import { TicketsController } from './routes/tickets.controller.js';
import { TypesController } from './routes/types.controller.js';

export { CurrentHolder, ProducerGuard } from './credentials/api-key.guard.js';
export { AdminPrompt } from './credentials/admin-prompt.js';
export { MAX_BODY_BYTES, MAX_RECIPIENT_BODY_BYTES } from './request/body-limit.js';
export { ChangesController, RemovalController } from './routes/changes.controller.js';
export { corsOptions } from './response/cors.js';
export { MethodNotAllowed } from './response/method-not-allowed.js';
export { ApiKeys, type KeyHolder, type KeyScope } from './credentials/api-keys.js';
export { RecipientAuthenticator, type RecipientIdentity } from './credentials/recipient-authenticator.js';
export type { HttpRequest } from './request/http-request.js';
export { ErasureController } from './routes/erasure.controller.js';
export { InboxController } from './routes/inbox.controller.js';
export { JobsController } from './routes/jobs.controller.js';
export { mount, type Mounting } from './mount.js';
export { NotificationsController, type Accepted } from './routes/notifications.controller.js';
export { PreferencesController } from './routes/preferences.controller.js';
export type { Problem } from './response/problem.js';
export { ProblemFilter } from './response/problem.filter.js';
export { RecallController, type Recalled } from './routes/recall.controller.js';
export { CurrentFeed, RecipientGuard } from './credentials/recipient.guard.js';
export { jsonObject } from './request/json-body.js';
export { Refusals } from './response/refusals.js';
export { ResponseOutlet } from './response/response-outlet.js';
export { StreamController } from './routes/stream.controller.js';
export { SupportController } from './routes/support.controller.js';

/**
 * The controllers of the role `api`. They inject ports and {@link HTTP_PROVIDERS}. The order matters: Express takes the first route that
 * matches.
 */
export const HTTP_CONTROLLERS: readonly Type[] = [
  StreamController,
  TicketsController,
  NotificationsController,
  InboxController,
  ChangesController,
  SnoozeController,
  ActionsController,
  RecallController,
  PreferencesController,
  TypesController,
  PushController,
  JobsController,
  SupportController,
  DisconnectController,
  ErasureController,
  RemovalController,
];

/** The providers that controllers and guards inject beside the ports; they inject RESOLVED_OPTIONS. */
export const HTTP_PROVIDERS: readonly Provider[] = [
  AllowedMethods,
  RateLimits,
  Refusals,
  {
    provide: RecipientAuthenticator,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ http }: ResolvedOptions) => createRecipientAuthenticator(http),
  },
  {
    provide: ApiKeys,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ http }: ResolvedOptions) =>
      new ApiKeys({ producer: http.producerApiKeys, support: http.supportApiKeys, admin: http.adminApiKeys }),
  },
];
