import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { KeyHolder } from '../credentials/api-keys.js';
import { printable } from '../../platform/logging/printable.js';

const logger = new Logger('TidingsAudit');

/** Logs what the owner of a key has done to what others have sent, under the id of the key, which does not reveal it. */
export function audit({ id, name }: KeyHolder, action: string): void {
  logger.log(`The producer key ${id}${name === null ? '' : ` (${name})`} ${printable(action, 1_000)}`);
}

/** Stands for names in logs, which outlive erasures: whoever knows the names can find the line, but the line does not reveal them. */
export function pseudonym(names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 16);
}
