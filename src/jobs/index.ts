export { givenDedupeKey } from './dedupe-key.js';
export { QueueProducer } from './producer.js';
export { JobQueue, type JobQueueOptions } from './queue.js';
export { TypeRegistry } from './type-registry.js';
export { NotificationWorker, type WorkerParts } from './worker.js';
export * from './types/index.js';
