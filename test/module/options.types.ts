/** What must compile, and what must not, of the options: checked by `npm run typecheck`, never run. */
import type { IncomingMessage } from 'node:http';
import type { TidingsOptions } from '../../src/index.js';

interface RequestWithUser extends IncomingMessage {
  user?: { id: string };
}

export const http: TidingsOptions['http'] = {
  // The host knows the type of its requests.
  identify: (request: RequestWithUser) => (request.user ? { recipient: request.user.id } : null),
};

export const untyped: TidingsOptions['http'] = {
  identify: (request) => {
    // @ts-expect-error of which nothing is known by itself
    void request.user;
    return null;
  },
};

export const wrong: TidingsOptions['http'] = {
  // @ts-expect-error an identity has a recipient
  identify: () => ({ user: 'ada' }),
};
