/**
 * A process of its own that uses an embedded Postgres, for tests that kill it. Says `{started}` or `{failed}` over its IPC
 * channel, stops the server on the message `stop`, and says `{stopped: true}`. Arguments: the data directory, and a user id
 * to become.
 */
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { findBinaries } from '../../src/embedded-postgres/binaries.js';

const say = (message: object): void => void process.send?.(message);
// What a terminal's Ctrl-C sends to every process of the foreground group; the test decides when this one ends.
process.on('SIGINT', () => say({ interrupted: true }));

const [dataDir = '', uid = ''] = process.argv.slice(2);
// Everything is loaded and found before the user changes: an ordinary user can read its own checkout, maybe not this one.
const account = uid === '' ? null : { name: `uid ${uid}`, uid: Number(uid), gid: Number(uid) };
const binaries = account ? await findBinaries(account) : undefined;
if (account) {
  process.setgroups?.([]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}

try {
  const server = await startEmbeddedPostgres({ dataDir, binaries });
  process.on('message', () => {
    void server.stop().then(() => {
      say({ stopped: true });
      process.disconnect?.();
    });
  });
  say({ started: { url: server.url, port: server.port, attached: server.attached } });
} catch (error) {
  say({ failed: String(error) });
  process.disconnect?.();
}
