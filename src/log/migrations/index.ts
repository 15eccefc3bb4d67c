import { Log1763800000001 } from './0001-log.js';
import { Inbox1763800000002 } from './0002-inbox.js';
import { Outbox1763800000003 } from './0003-outbox.js';
import { Append1763800000004 } from './0004-append.js';

/**
 * Every migration, oldest first; append only, and only expanding within a major version. The version of a migration
 * is its place in this list, and the code's version is the length of the list.
 */
export const MIGRATIONS: readonly { readonly migration: new () => object; readonly minCompatible: number }[] =
  [
    { migration: Log1763800000001, minCompatible: 1 },
    { migration: Inbox1763800000002, minCompatible: 2 },
    { migration: Outbox1763800000003, minCompatible: 2 },
    { migration: Append1763800000004, minCompatible: 2 },
  ];

/** The version of the schema that this code was written for. */
export const SCHEMA_VERSION = MIGRATIONS.length;
