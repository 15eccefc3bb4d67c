import type { JobData } from '../contract/model/job.js';
import type { Producer } from '../contract/ports/produce.js';
import { PRODUCER } from '../contract/tokens.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';
import { withModule } from './with-module.js';

/** `tidings publish <type> --to ada,grace --data '{...}'`, or `--audience all`: sends a notification, with the usual validation. */
export async function publishCommand(
  flags: Flags,
  [type]: readonly string[],
  print: Print = say,
): Promise<void> {
  const recipients = text(flags, 'to')?.split(',').filter(Boolean);
  const audience = text(flags, 'audience');
  if (recipients && audience !== undefined) throw new UsageError('Give either --to or --audience.');
  const to = audience === undefined ? recipients : { audience };
  if (!type || !to || (Array.isArray(to) && to.length === 0)) {
    throw new UsageError(
      `Which type, to whom? tidings publish announcement --to ada --data '{"title":"Hello"}'`,
    );
  }
  const data: JobData = {
    to,
    data: parsed(text(flags, 'data') ?? '{}'),
    tenant: text(flags, 'tenant'),
    dedupeKey: text(flags, 'dedupe-key'),
  };
  await withModule(await readOptions(flags), async (app) => {
    const { id, outcome } = await app.get<Producer>(PRODUCER).enqueue(type, data);
    print(`${id}  ${outcome}`);
  });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--data must be JSON: ${(error as Error).message}`);
  }
}
