import { InvalidSettingsError } from '../../contract/errors.js';
import type { PushSubscription } from '../../contract/model/push-subscription.js';

/** What is used of the package `web-push`, an optional peer, whose types an importer need not have. */
export interface WebPushLibrary {
  generateRequestDetails(
    subscription: PushSubscription,
    payload: string,
    options: {
      readonly vapidDetails: { subject: string; publicKey: string; privateKey: string };
      readonly TTL: number;
      readonly urgency: string;
      readonly topic: string | undefined;
    },
  ): { method: string; headers: Record<string, string | number>; body: Buffer; endpoint: string };
}

/** @throws {InvalidSettingsError} if it is not installed. */
export async function loadWebPush(
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<WebPushLibrary> {
  try {
    return ((await load('web-push')) as { default: WebPushLibrary }).default;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const problem = 'needs the package web-push, which is not installed: npm install web-push';
    throw new InvalidSettingsError([{ field: 'push', problem }]);
  }
}
