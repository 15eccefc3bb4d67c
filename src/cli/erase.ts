import type { Eraser } from '../contract/ports/erase.js';
import { ERASER } from '../contract/tokens.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';
import { withModule } from './with-module.js';

/** `tidings erase <recipient> --yes`: erases a recipient for good, as `DELETE /v1/feeds/:recipient` does. */
export async function eraseCommand(
  flags: Flags,
  [recipient]: readonly string[],
  print: Print = say,
): Promise<void> {
  if (!recipient) throw new UsageError('Whom? tidings erase ada --yes');
  if (!flags['yes'])
    throw new UsageError(`This erases everything of ${JSON.stringify(recipient)}, for good: say --yes.`);
  await withModule(await readOptions(flags), async (app) => {
    const feed = { tenant: text(flags, 'tenant') ?? '', recipient };
    const { feeds, entries, jobs } = await app.get<Eraser>(ERASER, { strict: false }).eraseRecipient(feed);
    print(`Erased: ${feeds} feeds, ${entries} entries, ${jobs} jobs.`);
  });
}
