export * from './adapters.js';
export { homeAt } from './home-database.js';
export { OutboxRelay, type RelayParts } from './outbox-relay.js';
export { OutboxCanceller, OutboxErasure } from './outbox-rows.js';
export { PostgresOutbox, type HomeDatabase } from './postgres-outbox.js';
