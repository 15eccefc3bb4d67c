import { redisOptionsOf } from '../platform/addresses.js';
import type { TidingsOptions } from '../contract/options/options.js';
import { SHIPPED_TYPES } from '../types/shipped/index.js';
import { loadTypes } from '../service/types-loader.js';
import { UsageError } from './usage.error.js';

/** The flags of every command, with the variables that they override. */
export const COMMON_FLAGS = {
  'database-url': { type: 'string' },
  'database-direct-url': { type: 'string' },
  'redis-url': { type: 'string' },
  schema: { type: 'string' },
  queue: { type: 'string' },
  'queue-prefix': { type: 'string' },
  types: { type: 'string' },
  delivery: { type: 'string' },
  tenant: { type: 'string' },
} as const;

/** The flags from the command line. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A flag with a string value. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** A repeatable flag. */
export function list(flags: Flags, name: string): readonly string[] {
  const value = flags[name];
  return typeof value === 'object' ? value : [];
}

/** The queue's name, unless it is the default. */
export function queueName(flags: Flags): string | undefined {
  return text(flags, 'queue') ?? (process.env['TIDINGS_QUEUE'] || undefined);
}

/** The module's options: flags first, then the variables of the service. */
export async function readOptions(flags: Flags): Promise<TidingsOptions> {
  const { DATABASE_URL, DATABASE_DIRECT_URL, REDIS_URL, TIDINGS_DELIVERY, TIDINGS_TYPES } = process.env;
  const url = text(flags, 'database-url') ?? DATABASE_URL;
  if (!url) throw new UsageError('Where is the database? Set DATABASE_URL or give --database-url.');
  const directUrl = text(flags, 'database-direct-url') ?? (DATABASE_DIRECT_URL || undefined);
  const redisUrl = text(flags, 'redis-url') ?? REDIS_URL;
  const typesFile = text(flags, 'types') ?? TIDINGS_TYPES;
  const shipped = SHIPPED_TYPES.map(({ name }) => name);
  return {
    // Runs beside the deployment: it takes no jobs and serves no one.
    roles: [],
    // The module validates it.
    delivery: (text(flags, 'delivery') ?? (TIDINGS_DELIVERY || undefined)) as TidingsOptions['delivery'],
    database: { url, directUrl, schema: text(flags, 'schema'), migrate: 'check', poolSize: 3 },
    redis: redisUrl ? redisOptionsOf(redisUrl) : null,
    queue: { name: queueName(flags), prefix: text(flags, 'queue-prefix') },
    types: [...SHIPPED_TYPES, ...(typesFile ? await loadTypes(typesFile, shipped) : [])],
  };
}
