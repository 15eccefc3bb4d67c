import { ConsoleLogger, Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inCall } from '../../src/platform/call-context.js';
import { Outage } from '../../src/platform/logging/outage.js';
import { ServiceLogger } from '../../src/service/service-logger.js';
import { readSettings } from '../../src/service/settings/settings.js';

let out: string[];
let problems: string[];
beforeEach(() => {
  out = [];
  problems = [];
});
afterEach(() => void jest.restoreAllMocks());

function logger(env: Record<string, string> = {}, terminal = false): ServiceLogger {
  const outputs = {
    out: { write: (line: string) => void out.push(line) },
    problems: { write: (line: string) => void problems.push(line) },
  };
  return new ServiceLogger(readSettings(env), { terminal, outputs });
}
const parsed = (lines: readonly string[]): Record<string, unknown>[] =>
  lines.map((line) => {
    expect(line.indexOf('\n')).toBe(line.length - 1);
    return JSON.parse(line) as Record<string, unknown>;
  });

describe('the log of the service', () => {
  it('has one JSON object a line, errors on the other output', () => {
    const log = logger();
    log.log('started\nand listening', 'Service');
    log.warn('slow');
    log.debug('hidden');
    const error = new TypeError('broken');
    log.error('A job failed', error.stack, 'Worker');
    log.error('Without a stack', undefined, 'Worker');
    log.error(error);
    log.fatal({ a: 1n });
    expect(parsed(out)).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        pid: process.pid,
        context: 'Service',
        message: 'started\nand listening',
      },
      { level: 'warn', time: expect.any(String), pid: process.pid, message: 'slow' },
    ]);
    expect(parsed(problems)).toMatchObject([
      { level: 'error', context: 'Worker', stack: error.stack, message: 'A job failed' },
      { level: 'error', context: 'Worker', message: 'Without a stack' },
      { level: 'error', message: 'broken', stack: error.stack },
      { level: 'fatal', message: '[object Object]' },
    ]);
    expect(Date.parse(String(parsed(out)[0]!['time']))).toBeCloseTo(Date.now(), -5);
  });

  it('names the request that caused a line, but not for an outage, which concerns everybody', () => {
    Logger.overrideLogger(logger());
    const outage = new Outage(new Logger('Bus'), 'The bus');
    inCall({ requestId: 'r-1' }, () => {
      new Logger('Http').warn('refused');
      outage.begin('down');
    });
    inCall({ requestId: 'r-2' }, () => outage.end());
    expect(parsed(out).map(({ requestId, message }) => [requestId, message])).toEqual([
      ['r-1', 'refused'],
      [undefined, 'The bus fails: down'],
      [undefined, 'The bus works again after 0 s'],
    ]);
  });

  it('hides what Nest logs about its start, unless the level is lower', () => {
    logger().log('Mapped {/v1/stream, GET} route', 'RouterExplorer');
    logger({ LOG_LEVEL: 'warn' }).log('started', 'Service');
    logger().error('reported elsewhere', 'ExceptionHandler');
    expect([out, problems]).toEqual([[], []]);
    logger({ LOG_LEVEL: 'debug' }).log('Mapped {/v1/stream, GET} route', 'RouterExplorer');
    logger({ LOG_LEVEL: 'verbose' }).verbose('detail');
    expect(parsed(out).map(({ level }) => level)).toEqual(['info', 'trace']);
  });

  it('is text on a terminal, and what LOG_FORMAT says elsewhere', () => {
    const written = jest.spyOn(ConsoleLogger.prototype, 'log').mockImplementation(() => {});
    logger({}, true).log('for people');
    logger({ LOG_FORMAT: 'pretty' }).log('for people');
    expect(written).toHaveBeenCalledTimes(2);
    logger({ LOG_FORMAT: 'json' }, true).log('for programs');
    expect(parsed(out)).toMatchObject([{ message: 'for programs' }]);
  });
});
