import type { Provider, Type } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options.js';
import { RESOLVED_OPTIONS } from '../contract/tokens.js';
import { createRecipientAuthenticator } from './credentials/index.js';
import { ProducerKeys } from './credentials/producer-keys.js';
import { RecipientAuthenticator } from './credentials/recipient-authenticator.js';
import { InboxController } from './inbox.controller.js';
import { MethodNotAllowedController } from './method-not-allowed.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { StreamController } from './stream.controller.js';

export { MAX_BODY_BYTES } from './body-limit.js';
export { jsonParserOptions } from './body-parser.js';
export { corsOptions } from './cors.js';
export { ProducerKeys, type ProducerIdentity } from './credentials/producer-keys.js';
export { RecipientAuthenticator, type RecipientIdentity } from './credentials/recipient-authenticator.js';
export type { HttpRequest } from './http-request.js';
export { InboxController } from './inbox.controller.js';
export { jsonObject } from './json-body.js';
export { MethodNotAllowedController } from './method-not-allowed.controller.js';
export { NotificationsController, type Accepted } from './notifications.controller.js';
export type { Problem } from './problem.js';
export { ProblemFilter } from './problem.filter.js';
export { CurrentProducer, ProducerGuard } from './producer.guard.js';
export { CurrentFeed, RecipientGuard } from './recipient.guard.js';
export { ResponseOutlet } from './response-outlet.js';
export { StreamController } from './stream.controller.js';

/** The controllers of the role `api`. They ask for STREAMS, PRODUCER, INBOX and {@link HTTP_PROVIDERS}. */
export const HTTP_CONTROLLERS: readonly Type[] = [
  StreamController,
  NotificationsController,
  InboxController,
  MethodNotAllowedController,
];

/** What the controllers and guards ask for beside the ports, made from RESOLVED_OPTIONS. */
export const HTTP_PROVIDERS: readonly Provider[] = [
  {
    provide: RecipientAuthenticator,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ http }: ResolvedOptions) => createRecipientAuthenticator(http),
  },
  {
    provide: ProducerKeys,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ http }: ResolvedOptions) => new ProducerKeys(http.producerApiKeys),
  },
];
