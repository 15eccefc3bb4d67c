/**
 * A host's process that dies at one step on the way of a notification from a transaction to the log: of itself, by SIGKILL, so that
 * the step is the one meant. Arguments: the step, the package as it was built, the database, the Redis or nothing, the id of the task.
 */
import { NestFactory } from '@nestjs/core';
import pg from 'pg';

const [step, built, databaseUrl, redisUrl, taskId] = process.argv.slice(2);
const { TidingsModule, TidingsService, taskCompleted } = await import(`${built}/index.js`);
const { Delivery } = await import(`${built}/jobs/index.js`);

function die() {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

const relays = step.endsWith('-append');
const app = await NestFactory.create(
  TidingsModule.forRoot({
    roles: [relays ? 'worker' : 'api'],
    database: { url: databaseUrl },
    redis: redisUrl === '' ? null : { url: redisUrl },
    types: [taskCompleted],
    http: { jwt: { secret: 'a secret of the tests, with 32 bytes or more' } },
  }),
  { logger: ['fatal'], abortOnError: false },
);

if (relays) {
  const delivery = app.get(Delivery, { strict: false });
  const deliver = delivery.deliver.bind(delivery);
  delivery.deliver = async (job) => {
    if (step === 'before-append') return die();
    await deliver(job);
    return die();
  };
}
await app.init();
if (!relays) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query('BEGIN');
  await client.query('INSERT INTO orders (id) VALUES ($1)', [taskId]);
  await app.get(TidingsService, { strict: false }).notify(taskCompleted, {
    to: 'ada',
    data: { taskId, title: `Task ${taskId}`, status: 'succeeded' },
    tx: client,
  });
  if (step === 'before-commit') await die();
  await client.query('COMMIT');
  await die();
}
