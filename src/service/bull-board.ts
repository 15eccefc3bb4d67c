import type { IncomingMessage, RequestListener } from 'node:http';
import type { Queue } from 'bullmq';
import type { NextFunction, Request, Response } from 'express';
import { OriginNotAllowedError } from '../contract/errors.js';
import { MethodNotAllowed, type AdminPrompt } from '../http/index.js';

/** The path of the board on the admin port. */
export const BOARD_PATH = '/queues';

/** `read-write` lets an administrator retry, promote and delete jobs, and pause or empty a queue. */
export const BOARD_MODES = ['off', 'read-only', 'read-write'] as const;
export type BoardMode = (typeof BOARD_MODES)[number];

/** Optional peers, loaded only if the board is asked for. */
export const BOARD_PACKAGES = ['@bull-board/api', '@bull-board/express'] as const;

/** Its page has styles in attributes and an object of settings as a block of data; its fonts of another origin stay away. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

interface Parts {
  readonly mode: Exclude<BoardMode, 'off'>;
  readonly queues: readonly Queue[];
  /** Whether the request came in where administrators are. Elsewhere the board does not exist. */
  readonly isAdminRequest: (request: IncomingMessage) => boolean;
  readonly prompt: AdminPrompt;
}

/** Bull Board behind an admin key, for {@link BOARD_PATH}. What is refused goes to the filter of problems. */
export async function bullBoard({ mode, queues, isAdminRequest, prompt }: Parts) {
  const board = await load(mode, queues);
  return (request: Request, response: Response, next: NextFunction): void => {
    if (!isAdminRequest(request)) return next();
    try {
      // Before its methods are told to anybody.
      prompt.check(request);
      if (changes(request)) {
        if (mode === 'read-only') throw new MethodNotAllowed(['GET', 'HEAD']);
        checkOrigin(request);
      }
    } catch (error) {
      return next(error);
    }
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('Cache-Control', 'private, no-store');
    board(request, response);
  };
}

async function load(mode: Parts['mode'], queues: readonly Queue[]): Promise<RequestListener> {
  const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
  ]);
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: mode === 'read-only' })),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Tidings' } },
  });
  return serverAdapter.getRouter() as RequestListener;
}

const changes = ({ method }: Request): boolean => method !== 'GET' && method !== 'HEAD';

/**
 * Browsers add the key of Basic authentication to each request to this origin, whichever page caused it (cross-site request forgery).
 *
 * @throws {OriginNotAllowedError} if another page did.
 */
function checkOrigin({ headers }: Request): void {
  const { origin, host, 'sec-fetch-site': site = 'same-origin' } = headers;
  const isOwn =
    origin === undefined || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
  if (isOwn && ['same-origin', 'none'].includes(String(site))) return;
  throw new OriginNotAllowedError('Only the page of the board may change a queue.');
}
