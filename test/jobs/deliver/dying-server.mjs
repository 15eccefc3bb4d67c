/**
 * A host that is killed in the moment before it answers a publish: by itself, with SIGKILL, so that the step is the one meant.
 * Arguments: the package as it was built, the database, the Redis or nothing, the JWT secret, the API key. Prints its port.
 */
import { NestFactory } from '@nestjs/core';

const [built, databaseUrl, redisUrl, secret, apiKey] = process.argv.slice(2);
const { TidingsModule, taskCompleted } = await import(`${built}/index.js`);

const app = await NestFactory.create(
  TidingsModule.forRoot({
    roles: ['api'],
    database: { url: databaseUrl },
    redis: redisUrl === '' ? null : { url: redisUrl },
    types: [taskCompleted],
    http: { jwt: { secret }, producerApiKeys: [apiKey] },
  }),
  { logger: ['fatal'], abortOnError: false },
);
app.use((request, response, next) => {
  if (request.method === 'POST') response.writeHead = () => process.kill(process.pid, 'SIGKILL');
  next();
});
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
