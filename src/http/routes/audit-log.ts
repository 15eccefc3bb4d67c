import { Logger } from '@nestjs/common';
import type { KeyHolder } from '../credentials/api-keys.js';
import { printable } from '../../platform/logging/printable.js';

const logger = new Logger('TidingsAudit');

/** Logs what the owner of a key has done to what others have sent, under the id of the key, which does not reveal it. */
export function audit({ id, name }: KeyHolder, action: string): void {
  logger.log(`The producer key ${id}${name === null ? '' : ` (${name})`} ${printable(action, 1_000)}`);
}
