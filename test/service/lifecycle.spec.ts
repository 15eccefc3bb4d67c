import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { InvalidSettingsError } from '../../src/contract/errors.js';
import { Lifecycle, type Host, type Life } from '../../src/service/lifecycle.js';

/** A process that records its end instead of ending. */
class FakeProcess extends EventEmitter {
  readonly codes: number[] = [];
  readonly exited = once(this, 'exited').then(([code]) => code as number);

  exit(code: number): void {
    this.codes.push(code);
    this.emit('exited', code);
  }
}

const silent = { log() {}, warn() {}, error: (line: string) => void lines.push(line), fatal() {} };
const lines: string[] = [];
let host: FakeProcess;
let told = '';

beforeEach(() => {
  lines.length = 0;
  host = new FakeProcess();
  Logger.overrideLogger(silent);
  told = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += String(text);
    return true;
  });
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  for (const output of [process.stdout, process.stderr]) output.removeAllListeners('error');
});

const run = (start: (life: Life) => Promise<void> | void): Promise<void> =>
  new Lifecycle(host as unknown as Host).run(async (life) => start(life));

describe('the life of the process', () => {
  it('stops everything in the reverse order of its start and ends with 0', async () => {
    const stopped: string[] = [];
    await run((life) => {
      life.onStop('Postgres', () => Promise.resolve(stopped.push('Postgres')));
      life.onStop('The application', async () => {
        await delay(10);
        stopped.push('The application');
      });
    });
    host.emit('SIGTERM');
    expect(await host.exited).toBe(0);
    expect(stopped).toEqual(['The application', 'Postgres']);
  });

  it('stops what was started when the start fails, and reports a mistake of the operator without a stack', async () => {
    const stop = jest.fn(async () => {});
    await run((life) => {
      life.onStop('Postgres', stop);
      throw new InvalidSettingsError([{ field: 'PORT', problem: 'is taken' }]);
    });
    expect(host.codes).toEqual([1]);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(told).toBe('Tidings cannot start. These settings are not valid:\n  - PORT: is taken\n');
  });

  it('reports where a fault of the program happened', async () => {
    await run(() => {
      throw new TypeError('x is not a function');
    });
    expect(told).toMatch(/TypeError: x is not a function\n\s+at /);
  });

  it('treats one Ctrl-C that arrives twice (npm forwards it) as one', async () => {
    let stopped = (): void => {};
    const stopping = new Promise<void>((resolve) => (stopped = resolve));
    await run((life) => life.onStop('The application', () => stopping));
    host.emit('SIGINT');
    host.emit('SIGINT');
    expect(host.codes).toEqual([]);
    stopped();
    expect(await host.exited).toBe(0);
  });

  it('ends at once at a second press', async () => {
    jest.useFakeTimers();
    await run((life) => life.onStop('The application', () => new Promise(() => {})));
    host.emit('SIGINT');
    await jest.advanceTimersByTimeAsync(600);
    host.emit('SIGINT');
    expect(host.codes).toEqual([1]);
    expect(lines).toEqual(['SIGINT again: exiting at once']);
  });

  it('abandons a part that hangs and still stops the others within 5 s', async () => {
    jest.useFakeTimers();
    const stop = jest.fn(async () => {});
    await run((life) => {
      life.onStop('Postgres', stop);
      life.onStop('The application', () => new Promise(() => {}));
    });
    host.emit('SIGTERM');
    await jest.advanceTimersByTimeAsync(4_500);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(host.codes).toEqual([1]);
    expect(lines).toEqual(['The application did not stop within 4200 ms']);
  });

  it('ends after 5 s whatever hangs', async () => {
    jest.useFakeTimers();
    const never = (): Promise<void> => new Promise(() => {});
    await run((life) => {
      life.onStop('Postgres', never);
      life.onStop('The application', never);
    });
    host.emit('SIGTERM');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(host.codes).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(host.codes).toEqual([1]);
  });

  it('continues stopping when a part throws, and ends with 1', async () => {
    const stop = jest.fn(async () => {});
    await run((life) => {
      life.onStop('Postgres', stop);
      life.onStop('The application', () => Promise.reject(new Error('boom')));
    });
    host.emit('SIGTERM');
    expect(await host.exited).toBe(1);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it.each(['uncaughtException', 'unhandledRejection'])(
    'stops in order after an %s and ends with 1',
    async (event) => {
      const stop = jest.fn(async () => {});
      await run((life) => life.onStop('The application', stop));
      host.emit(event, new Error('boom'));
      expect(await host.exited).toBe(1);
      expect(stop).toHaveBeenCalledTimes(1);
    },
  );

  it('waits for a start that is under way, so that what it opens is stopped too', async () => {
    const database = new EventEmitter();
    const stop = jest.fn(async () => {});
    const started = run(async (life) => {
      await once(database, 'started');
      life.onStop('Postgres', stop);
      expect(life.ending).toBe(true);
    });
    host.emit('SIGINT');
    database.emit('started');
    expect(await host.exited).toBe(0);
    expect(stop).toHaveBeenCalledTimes(1);
    await started;
  });
});
