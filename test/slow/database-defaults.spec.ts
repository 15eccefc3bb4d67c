import { HOSTILE_DATABASES, suiteOnDatabases } from '../log/database/hostile-defaults.js';

suiteOnDatabases(HOSTILE_DATABASES);
