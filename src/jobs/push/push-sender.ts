import http from 'node:http';
import https from 'node:https';
import type { PushSubscription } from '../../contract/model/push-subscription.js';
import type { ResolvedPush } from '../../contract/options/options.js';
import type { PushMessage } from './message.js';
import { publicLookup } from './public-lookup.js';
import type { WebPushLibrary } from './web-push.js';

/** A push service that takes longer has failed. */
const TIMEOUT_MS = 10_000;
const CONNECTIONS = { keepAlive: true, maxSockets: 20, maxFreeSockets: 5, lookup: publicLookup };

/**
 * Sends messages that the library has encrypted and signed. The request is made here, because it goes to a host that a
 * stranger names: the library's own has no check of addresses, and keeps an answer of any size.
 */
export class PushSender {
  private readonly agents = { 'https:': new https.Agent(CONNECTIONS), 'http:': new http.Agent(CONNECTIONS) };

  constructor(
    private readonly library: WebPushLibrary,
    private readonly push: Pick<ResolvedPush, 'subject' | 'publicKey' | 'privateKey'>,
  ) {}

  /** Resolves with the status. Follows no redirect. @throws if there is no answer in time. */
  send(subscription: PushSubscription, message: PushMessage): Promise<number> {
    const { subject, publicKey, privateKey } = this.push;
    const { method, headers, body, endpoint } = this.library.generateRequestDetails(
      subscription,
      message.payload,
      {
        vapidDetails: { subject, publicKey, privateKey },
        TTL: message.ttlSeconds,
        urgency: message.urgency,
        topic: message.topic,
      },
    );
    const url = new URL(endpoint);
    const { request } = url.protocol === 'https:' ? https : http;
    const agent = this.agents[url.protocol as 'https:'];
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      request(url, { method, headers, agent, signal }, (response) => {
        resolve(response.statusCode!);
        // Its end frees the connection; one without an end is ended by the signal.
        response.on('error', () => {}).resume();
      })
        .on('error', (error) =>
          reject(signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1_000} s`) : error),
        )
        // Also after `101 Switching Protocols`, which Node answers by closing, with neither a response nor an error.
        .on('close', () => reject(new Error('the connection was closed without an answer')))
        .end(body);
    });
  }

  close(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }
}
