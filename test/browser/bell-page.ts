import { FakeFeed } from './fake-feed.js';
import { FakePush } from './fake-push.js';
import { DECLARED, item, many, ordinary, team } from './samples.js';

// What the tests in Chromium drive `<tidings-bell>` with; the element itself is loaded as a page loads it.
Object.assign(window, { FakeFeed, FakePush, DECLARED, item, many, ordinary, team });
