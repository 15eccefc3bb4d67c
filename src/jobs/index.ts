export { QueueProducer } from './producer.js';
export { openJobQueue, type JobQueueOptions } from './open-queue.js';
export { JobQueue } from './queue.js';
export { QueueCanceller } from './queue-canceller.js';
export { OccasionalQueueErasure, QueueErasure } from './queue-eraser.js';
export { TypeRegistry } from './type-registry.js';
export { NotificationWorker, type WorkerParts } from './worker.js';
export * from './types/index.js';
