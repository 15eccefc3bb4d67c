import type { Provider, Type } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options.js';
import { RESOLVED_OPTIONS } from '../contract/tokens.js';
import { createRecipientAuthenticator } from './credentials/index.js';
import { ApiKeys } from './credentials/api-keys.js';
import { RecipientAuthenticator } from './credentials/recipient-authenticator.js';
import { ChangesController, RemovalController } from './changes.controller.js';
import { ErasureController } from './erasure.controller.js';
import { InboxController } from './inbox.controller.js';
import { JobsController } from './jobs.controller.js';
import { MethodNotAllowedController } from './method-not-allowed.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { PreferencesController } from './preferences.controller.js';
import { RecallController } from './recall.controller.js';
import { StreamController } from './stream.controller.js';
import { SupportController } from './support.controller.js';

export { CurrentHolder, ProducerGuard } from './api-key.guard.js';
export { MAX_BODY_BYTES, MAX_RECIPIENT_BODY_BYTES } from './body-limit.js';
export { ChangesController, RemovalController } from './changes.controller.js';
export { corsOptions } from './cors.js';
export { ApiKeys, type KeyHolder, type KeyScope } from './credentials/api-keys.js';
export { RecipientAuthenticator, type RecipientIdentity } from './credentials/recipient-authenticator.js';
export type { HttpRequest } from './http-request.js';
export { ErasureController } from './erasure.controller.js';
export { InboxController } from './inbox.controller.js';
export { JobsController } from './jobs.controller.js';
export { jsonObject } from './json-body.js';
export { MethodNotAllowedController } from './method-not-allowed.controller.js';
export { mount, type Mounting } from './mount.js';
export { NotificationsController, type Accepted } from './notifications.controller.js';
export { PreferencesController } from './preferences.controller.js';
export type { Problem } from './problem.js';
export { ProblemFilter } from './problem.filter.js';
export { RecallController, type Recalled } from './recall.controller.js';
export { CurrentFeed, RecipientGuard } from './recipient.guard.js';
export { ResponseOutlet } from './response-outlet.js';
export { StreamController } from './stream.controller.js';
export { SupportController } from './support.controller.js';

/**
 * The controllers of the role `api`. They ask for the ports that their constructors name, and for {@link HTTP_PROVIDERS}. In the order of
 * their routes: Express takes the first that fits.
 */
export const HTTP_CONTROLLERS: readonly Type[] = [
  StreamController,
  NotificationsController,
  InboxController,
  ChangesController,
  RecallController,
  PreferencesController,
  JobsController,
  SupportController,
  ErasureController,
  MethodNotAllowedController,
  RemovalController,
];

/** What the controllers and guards ask for beside the ports, made from RESOLVED_OPTIONS. */
export const HTTP_PROVIDERS: readonly Provider[] = [
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
