export { QueueProducer } from './produce/queue-producer.js';
export { openJobQueue, type JobQueueOptions } from './queue/open-queue.js';
export { JobQueue } from './queue/queue.js';
export { QueueCanceller } from './queue/queue-canceller.js';
export { OccasionalQueueErasure, QueueErasure } from './queue/queue-eraser.js';
export { TypeRegistry } from '../types/type-registry.js';
export { NotificationWorker, type WorkerParts } from './work/worker.js';
export * from '../types/shipped/index.js';
