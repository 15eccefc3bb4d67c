import { expect } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { connect, type SseClient } from '../support/sse-client.js';
import { taskIds, token } from './house.js';

/**
 * A client that does what an EventSource does: it comes back by itself, to any of the given origins, with the last event id that it has
 * seen, and keeps everything that it ever received.
 */
export class Follower {
  readonly received: string[] = [];
  /** Every `feed.reset` and `feed.closing`, as `event:reason`. */
  readonly control: string[] = [];
  /** Places where a number was not above the one before it on the same connection. */
  readonly outOfOrder: string[] = [];
  connections = 0;
  private lastEventId = '';
  private stopped = false;
  private client: SseClient | null = null;
  private readonly running: Promise<void>;

  constructor(
    private readonly recipient: string,
    private readonly origins: () => readonly string[],
  ) {
    this.running = this.run();
  }

  /** Breaks the present connection off; it comes back. */
  cut(): void {
    void this.client?.close();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cut();
    await this.running;
  }

  private async run(): Promise<void> {
    const headers: Record<string, string> = { authorization: `Bearer ${await token(this.recipient)}` };
    while (!this.stopped) {
      const origins = this.origins();
      const origin = origins[this.connections % Math.max(origins.length, 1)];
      this.connections += 1;
      try {
        if (this.lastEventId !== '') headers['last-event-id'] = this.lastEventId;
        this.client = await connect(`${origin}/v1/stream${this.lastEventId === '' ? '?lastEventId=0' : ''}`, {
          headers,
        });
        await this.client.closed;
        this.keep(this.client);
      } catch {
        // refused: the server is down
      }
      await delay(20);
    }
  }

  private keep({ frames }: SseClient): void {
    let last = -1;
    for (const frame of frames) {
      if (frame.id !== null && frame.id !== '') this.lastEventId = frame.id;
      if (frame.event === 'feed.reset' || frame.event === 'feed.closing') {
        this.control.push(`${frame.event}:${(JSON.parse(frame.data!) as { reason: string }).reason}`);
        last = -1;
      } else if (frame.event === 'task-completed') {
        const seq = Number(frame.id!.split('-')[1]);
        if (seq <= last) this.outOfOrder.push(frame.id!);
        last = seq;
      }
    }
    this.received.push(...taskIds(frames));
    this.client = null;
  }

  /** What was received up to this moment, the open connection included. */
  get all(): string[] {
    return [...this.received, ...(this.client ? taskIds(this.client.frames) : [])];
  }
}

/** Waits until it has these, and expects that it got each once, in the order of the log and without a reset. Stops it. */
export async function receivesOnce(
  follower: Follower,
  ids: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await eventually(() => follower.all.length >= ids.length, { timeoutMs });
  await follower.stop();
  expect([...follower.received].sort()).toEqual([...ids].sort());
  expect(follower.outOfOrder).toEqual([]);
  expect(follower.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
}
