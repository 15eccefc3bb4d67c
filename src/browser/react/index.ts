'use client';

export {
  FeedProvider,
  typedHooks,
  useFeed,
  useNotification,
  useUnread,
  type FeedProviderProps,
  type FeedState,
} from './hooks.js';
export { usePush, type UsePushResult } from './use-push.js';
