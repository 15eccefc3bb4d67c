import { MOST_HOSTILE, suiteOnDatabases } from './hostile-defaults.js';

// Each kind of setting by itself: test/slow/database-defaults.spec.ts.
suiteOnDatabases([MOST_HOSTILE]);
