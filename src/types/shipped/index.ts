import { announcement } from './announcement.js';
import { newOrder } from './new-order.js';
import { taskCompleted } from './task-completed.js';

export { announcement, newOrder, taskCompleted };

/** The types that the service always declares. */
export const SHIPPED_TYPES = [taskCompleted, newOrder, announcement] as const;
