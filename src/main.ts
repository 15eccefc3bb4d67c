import { missingPackages } from './service/packages.js';

const missing = missingPackages();
if (missing.length > 0) {
  console.error(
    `The service needs packages that an application which imports the module does not: npm install ${missing.join(' ')}`,
  );
  process.exit(1);
}

// Imported once it is known that they can be.
const [{ composition }, { Lifecycle }, { startService }] = await Promise.all([
  import('./service/service.module.js'),
  import('./service/lifecycle.js'),
  import('./service/start.js'),
]);
await new Lifecycle().run((life) => startService(life, composition, process.env));
