import type { Eraser } from '../contract/ports/erase.js';
import { ERASER } from '../contract/tokens.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';
import { withModule } from './with-module.js';

/**
 * `tidings erase <recipient> --yes` erases a recipient for good, as `DELETE /v1/feeds/:recipient` does;
 * `--tenant acme --all --yes` erases a whole tenant, as `DELETE /v1/feeds?tenant=` does.
 */
export async function eraseCommand(
  flags: Flags,
  [recipient]: readonly string[],
  print: Print = say,
): Promise<void> {
  const tenant = text(flags, 'tenant') ?? '';
  const all = Boolean(flags['all']);
  if (all === Boolean(recipient)) {
    throw new UsageError(
      'Whom? tidings erase ada --yes, or a whole tenant: tidings erase --tenant acme --all --yes',
    );
  }
  if (all && tenant === '') {
    throw new UsageError(
      '--all needs the --tenant whose recipients are all to be erased; those of the one without a name are erased one by one.',
    );
  }
  if (!flags['yes']) {
    const whom = all ? `all recipients of the tenant ${JSON.stringify(tenant)}` : JSON.stringify(recipient);
    throw new UsageError(`This erases everything of ${whom}, for good: say --yes.`);
  }
  await withModule(await readOptions(flags), async (app) => {
    const eraser = app.get<Eraser>(ERASER, { strict: false });
    const { feeds, entries, jobs } = recipient
      ? await eraser.eraseRecipient({ tenant, recipient })
      : await eraser.eraseTenant(tenant);
    print(`Erased: ${feeds} feeds, ${entries} entries, ${jobs} jobs.`);
  });
}
