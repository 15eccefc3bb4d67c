/** `tidings/testing`: for the tests of applications. */
export { collectFeed, type CollectOptions } from './collect-feed.js';
export { RecordingTidings, type RecordedNotification } from './recording-tidings.js';
export { startTestPostgres, type TestPostgres } from './test-postgres.js';
export { startTidings, type StartedTidings } from './start-tidings.js';
