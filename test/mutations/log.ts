import type { Mutation } from './mutation.js';

export const LOG_MUTATIONS: readonly Mutation[] = [];
