import { Log1763800000001 } from './0001-log.js';
import { Inbox1763800000002 } from './0002-inbox.js';
import { Outbox1763800000003 } from './0003-outbox.js';
import { Append1763800000004 } from './0004-append.js';
import { CancelledJobs1763800000005 } from './0005-cancelled-jobs.js';
import { Audiences1763800000006 } from './0006-audiences.js';
import { WorkerOptions1763800000007 } from './0007-worker-options.js';
import { Read1763800000008 } from './0008-read.js';
import { Retention1763800000009 } from './0009-retention.js';
import { Tickets1763800000010 } from './0010-tickets.js';
import { OutboxContext1763800000011 } from './0011-outbox-context.js';
import { Content1763800000012 } from './0012-content.js';
import { ActionsAndSnooze1763800000013 } from './0013-actions-and-snooze.js';
import { Push1763800000014 } from './0014-push.js';

/**
 * Every migration, oldest first. The list is append-only, and migrations only expand the schema within a
 * major version. A migration's version is its position
 * in this list; the code's version is the length of the list.
 */
export const MIGRATIONS: readonly { readonly migration: new () => object; readonly minCompatible: number }[] =
  [
    { migration: Log1763800000001, minCompatible: 1 },
    { migration: Inbox1763800000002, minCompatible: 2 },
    { migration: Outbox1763800000003, minCompatible: 2 },
    { migration: Append1763800000004, minCompatible: 2 },
    { migration: CancelledJobs1763800000005, minCompatible: 2 },
    { migration: Audiences1763800000006, minCompatible: 2 },
    { migration: WorkerOptions1763800000007, minCompatible: 2 },
    { migration: Read1763800000008, minCompatible: 2 },
    { migration: Retention1763800000009, minCompatible: 2 },
    { migration: Tickets1763800000010, minCompatible: 2 },
    { migration: OutboxContext1763800000011, minCompatible: 2 },
    { migration: Content1763800000012, minCompatible: 2 },
    { migration: ActionsAndSnooze1763800000013, minCompatible: 2 },
    { migration: Push1763800000014, minCompatible: 2 },
  ];

/** The schema version that this code requires. */
export const SCHEMA_VERSION = MIGRATIONS.length;
