export type * from './append.js';
export * from './inbox.js';
export type * from './live.js';
export * from './metrics.js';
export type * from './ops.js';
export type * from './produce.js';
export type * from './read.js';
export type * from './sql.js';
export type * from './stream.js';
