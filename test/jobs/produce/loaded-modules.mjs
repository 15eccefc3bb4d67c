/**
 * Sends one notification by `tidings/producer` and prints, as JSON, which files that loaded. Arguments: the package as it was built,
 * `redis` or `database`, and the url.
 */
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const [built, where, url] = process.argv.slice(2);
const { port1, port2 } = new MessageChannel();
const loaded = new Set();
/** Loaded last: the hooks report files in the order in which they are loaded. */
const LAST = 'data:text/javascript,';
const reported = new Promise((resolve) => {
  port1.on('message', (file) => (file === LAST ? resolve() : loaded.add(file)));
});
port1.unref();
const hooks = `
  let port;
  export function initialize(data) { port = data.port; }
  export async function load(url, context, next) { port.postMessage(url); return next(url, context); }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, {
  data: { port: port2 },
  transferList: [port2],
});

const { announcement, createProducer } = await import(`${built}/producer.js`);
const producer = await createProducer({ [where]: { url } });
const { jobId, outcome } = await producer.notify(announcement, { to: 'ada', data: { title: 'Hello' } });
await producer.close();
await import(LAST);
port1.ref();
await reported;
port1.unref();
for (const file of Object.keys(createRequire(import.meta.url).cache)) loaded.add(`file://${file}`);
process.stdout.write(JSON.stringify({ jobId, outcome, files: [...loaded] }));
