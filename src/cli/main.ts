#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { TidingsError } from '../contract/errors.js';
import { doctorCommand } from './doctor.js';
import { eraseCommand } from './erase.js';
import { migrateCommand } from './migrate.js';
import { COMMON_FLAGS, type Flags } from './options.js';
import { publishCommand } from './publish.js';
import { rotateEpochCommand } from './rotate-epoch.js';
import { tailCommand } from './tail.js';
import { vapidCommand } from './vapid.js';
import { UsageError } from './usage.error.js';

const USAGE = `tidings <command>

  migrate [--check | --print]       update the tables, check whether they are up to date, or print the SQL:
                                    for an empty database, or [--from <version>] [--bullmq-from <version>] for an upgrade
  publish <type> --to <recipients>  send a notification [--data <json>] [--dedupe-key <key>], or to an audience: --audience <name>
  tail <recipient>                  print a feed as it grows [--from 0 | <cursor>]
  doctor                            check every part, and send a canary through the real path
                                    [--url <https://...>] also through this proxy [--idle-seconds 30], with credentials:
                                    --token <jwt> [--tenant-claim <claim>], or --cookie <a=b> or --header <name: value> (repeatable)
                                    and --recipient <recipient>
  erase <recipient> --yes           erase a recipient for good
  erase --tenant <tenant> --all --yes   erase all recipients of a tenant for good
  vapid                             make the keys of Web Push, and print the settings to paste
  rotate-epoch --yes                make every client reload its feed, after an undetected restore

For all of them: --database-url (DATABASE_URL), --redis-url (REDIS_URL), --queue (TIDINGS_QUEUE), --types (TIDINGS_TYPES),
--delivery (TIDINGS_DELIVERY), --schema, --queue-prefix, --tenant.
`;

const COMMANDS: Record<string, (flags: Flags, args: readonly string[]) => Promise<void>> = {
  migrate: migrateCommand,
  publish: publishCommand,
  tail: tailCommand,
  doctor: doctorCommand,
  erase: eraseCommand,
  'rotate-epoch': rotateEpochCommand,
  vapid: vapidCommand,
};

const FLAGS = {
  ...COMMON_FLAGS,
  check: { type: 'boolean' },
  print: { type: 'boolean' },
  to: { type: 'string' },
  audience: { type: 'string' },
  data: { type: 'string' },
  'dedupe-key': { type: 'string' },
  from: { type: 'string' },
  'bullmq-from': { type: 'string' },
  url: { type: 'string' },
  token: { type: 'string' },
  'tenant-claim': { type: 'string' },
  cookie: { type: 'string' },
  header: { type: 'string', multiple: true },
  recipient: { type: 'string' },
  'idle-seconds': { type: 'string' },
  all: { type: 'boolean' },
  yes: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(argv);
  const [name = '', ...args] = positionals;
  const command = COMMANDS[name];
  if (values.help || name === '') return void process.stdout.write(USAGE);
  if (!command) throw new UsageError(`There is no command ${JSON.stringify(name)}.\n\n${USAGE}`);
  await command(values, args);
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // An expected error needs one line; any other its stack.
  const expected =
    error instanceof UsageError || error instanceof TidingsError || !(error instanceof TypeError);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${expected ? message : String(error.stack)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
