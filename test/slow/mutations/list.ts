import { HTTP_MUTATIONS } from './http.js';
import { JOBS_MUTATIONS } from './jobs.js';
import { LIVE_MUTATIONS } from './live.js';
import { LOG_MUTATIONS } from './log.js';
import type { Mutation } from './mutation.js';
import { STREAM_MUTATIONS } from './stream.js';

/** In the order of the data: from the job to the frame. */
export const MUTATIONS: readonly Mutation[] = [
  ...JOBS_MUTATIONS,
  ...LOG_MUTATIONS,
  ...LIVE_MUTATIONS,
  ...STREAM_MUTATIONS,
  ...HTTP_MUTATIONS,
];
