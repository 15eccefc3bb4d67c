import type { Rate } from './load.js';

/** How much there is of everything. */
export interface Profile {
  readonly name: 'short' | 'long';
  readonly recipients: number;
  readonly connectionsEach: number;
  readonly rate: Rate;
  /** Servers and processes stand still for so long. */
  readonly freezeMs: number;
  /** So long, an outage of Postgres. */
  readonly outageMs: number;
  /** So long, a client does not read. */
  readonly stallMs: number;
  /** So long, a client is away in the middle of a scenario. */
  readonly awayMs: number;
  /** A worker stands still for so long that its jobs are run by the other one; 0: not at all. */
  readonly workerFreezeMs: number;
  /** Between two faults, at most. */
  readonly gapMs: number;
  /** Notifications kept for each feed. */
  readonly keep: number;
  /** Large ones of a flood: more than the buffers of a socket hold. */
  readonly floodBeyond: number;
}

/** Characters of a flood's title; its frame has it twice. */
export const FLOOD_TITLE = 8_000;

export const SHORT: Profile = {
  name: 'short',
  recipients: 30,
  connectionsEach: 3,
  rate: { singlesPerSecond: 12, broadcastsPerSecond: 4 },
  freezeMs: 2_500,
  outageMs: 8_000,
  stallMs: 5_000,
  awayMs: 4_000,
  workerFreezeMs: 0,
  gapMs: 500,
  keep: 400,
  floodBeyond: 350,
};

/** The clients that are away for minutes, while everything else goes on. */
export const ABSENT: Pick<Profile, 'recipients' | 'connectionsEach' | 'rate'> = {
  recipients: 10,
  connectionsEach: 3,
  rate: { singlesPerSecond: 0.5, broadcastsPerSecond: 0.5 },
};

/** So long, they are away, at most; a part of the run's time. */
export const LONGEST_ABSENCE_MS = 180_000;

export const LONG: Profile = {
  name: 'long',
  recipients: 60,
  connectionsEach: 4,
  rate: { singlesPerSecond: 15, broadcastsPerSecond: 4 },
  freezeMs: 5_000,
  outageMs: 30_000,
  stallMs: 30_000,
  awayMs: 15_000,
  workerFreezeMs: 28_000,
  gapMs: 1_500,
  keep: 800,
  floodBeyond: 350,
};
