/**
 * The service as `dist/main.js` starts it, with two things that its settings do not offer: the retention sweeps every second, and the clock
 * of the process is set by a message `{clockMs}` from whoever started it. Argument: the directory of the build.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

let clockMs = 0;
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length > 0) super(...args);
    else super(RealDate.now() + clockMs);
  }

  static now() {
    return RealDate.now() + clockMs;
  }
};

process.on('message', (message) => {
  if (typeof message?.clockMs === 'number') clockMs = message.clockMs;
});
// Whoever started it is gone without a word.
process.on('disconnect', () => process.exit(1));

const load = (file) => import(pathToFileURL(join(process.argv[2], file)).href);
const [{ composition }, { Lifecycle }, { startService }] = await Promise.all(
  ['service/service.module.js', 'service/lifecycle.js', 'service/start.js'].map(load),
);

const sweeping = ({ options, ...plan }) => ({
  ...plan,
  options: { ...options, retention: { ...options.retention, sweepMs: 1_000 } },
});
const open = (plan, life) => composition.open(sweeping(plan), life);
await new Lifecycle().run((life) => startService(life, { ...composition, open }, process.env));
