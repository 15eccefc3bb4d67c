import { composition } from './service/service.module.js';
import { Lifecycle } from './service/lifecycle.js';
import { startService } from './service/start.js';

await new Lifecycle().run((life) => startService(life, composition, process.env));
