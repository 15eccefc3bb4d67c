export { createFeed } from './feed.js';
export type * from './types.js';
