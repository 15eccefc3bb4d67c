import { isIP } from 'node:net';
import { z } from 'zod';
import { BOARD_MODES } from '../bull-board.js';
import { number, oneOf, quote, text } from '../../contract/options/fields.js';

/** Nest's names, from most to least. */
export const LOG_LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const;

export const LOG_FORMATS = ['json', 'pretty'] as const;

/** The settings of the service besides the options of the module. */
export const SERVICE = z.strictObject({
  /** 0 takes any free port. */
  port: number(0, 65_535).default(3000),
  /** `null`: off. Default: the same as `port`, in production off. */
  adminPort: number(0, 65_535, { off: true }).nullish(),
  /** Bull Board on the admin port. */
  bullBoard: oneOf(BOARD_MODES).default('off'),
  host: text((host) =>
    isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)
      ? null
      : `must be an address such as 0.0.0.0 or a host name, without a port; is ${quote(host)}`,
  ).optional(),
  /** The module with a team's own types, relative to the working directory. */
  typesFile: text().optional(),
  dataDir: text().default('.tidings'),
  logLevel: oneOf(LOG_LEVELS).default('log'),
  /** Default: `pretty` on a terminal. */
  logFormat: oneOf(LOG_FORMATS).optional(),
});
