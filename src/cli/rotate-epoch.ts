import type { Sql } from '../contract/ports/sql.js';
import { SQL } from '../contract/tokens.js';
import { readOptions, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';
import { withModule } from './with-module.js';

/**
 * `tidings rotate-epoch --yes`: gives every feed a new epoch, which invalidates all earlier cursors. For old
 * files of the same cluster that were restored while every process was down, which cannot be detected.
 */
export async function rotateEpochCommand(
  flags: Flags,
  _args: readonly string[],
  print: Print = say,
): Promise<void> {
  if (!flags['yes']) {
    throw new UsageError('Every client gets a feed.reset and reads its first page again: say --yes.');
  }
  await withModule(await readOptions(flags), async (app) => {
    const sql = app.get<Sql>(SQL, { strict: false });
    const rows = await sql.query<{ count: string }>(
      `WITH rotated AS (UPDATE ${sql.schema}.feed SET epoch = DEFAULT RETURNING true)
       SELECT count(*) AS count FROM rotated`,
    );
    print(`${rows[0]?.count ?? 0} feeds have a new epoch.`);
  });
}
