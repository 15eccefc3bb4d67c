export { createPush } from './push.js';
export type * from './types.js';
