import { describe, expect, it } from '@jest/globals';
import { createElement, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { createPush } from '../../src/browser/push/index.js';
import { FeedProvider, useFeed, useNotification, usePush, useUnread } from '../../src/browser/react/index.js';

function Badge() {
  const { items, status, loaded } = useFeed();
  useNotification('message', () => {
    throw new Error('There is nothing to hear of on a server.');
  });
  return createElement('b', null, `${useUnread()} ${items.length} ${status.state} ${String(loaded)}`);
}

describe('tidings/react on a server', () => {
  it('renders on the server what the browser renders first, without a connection', () => {
    const app = createElement(FeedProvider, { url: 'http://127.0.0.1:1' }, createElement(Badge));
    expect(renderToString(createElement(StrictMode, null, app))).toBe('<b>0 0 closed false</b>');
  });

  it('knows nothing of Web Push on the server, and asks nobody', () => {
    const push = createPush({ url: 'http://127.0.0.1:1', serviceWorker: '/push.js' });
    const Push = () => createElement('b', null, String(usePush(push).state));
    expect(renderToString(createElement(Push))).toBe('<b>null</b>');
  });

  it('names what is missing where there is no feed', () => {
    expect(() => renderToString(createElement(Badge))).toThrow('wrap this component in a <FeedProvider>');
  });
});
