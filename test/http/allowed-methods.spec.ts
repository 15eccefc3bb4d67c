import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { RESOLVED_OPTIONS } from '../../src/contract/tokens.js';
import { Refusals } from '../../src/http/index.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Delete, Get, Module, Patch, Post, RequestMethod, VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AllowedMethods } from '../../src/http/routes/allowed-methods.js';
import { startHttpApp, type HttpApp, type HttpAppSettings } from './http-app.js';
import { problemOf } from './problem-of.js';

/** Routes of a host on paths of ours, and beside them. */
@Controller('v1')
class HostController {
  @Patch('stream')
  patch(): string {
    return 'of the host';
  }

  @Get('notifications/settings')
  settings(): string {
    return 'of the host';
  }

  @Get('notifications/:id')
  one(): string {
    return 'of the host';
  }

  @Post('feeds/:recipient/labels')
  label(): string {
    return 'of the host';
  }

  @Delete('preferences')
  forget(): string {
    return 'of the host';
  }
}

describe('AllowedMethods', () => {
  let app: HttpApp;
  afterEach(() => app.close());

  const start = async (settings: HttpAppSettings = {}): Promise<void> => {
    app = await startHttpApp({ asHost: true, ...settings });
  };
  const allowOf = async (method: string, path: string): Promise<[number, string | null]> => {
    const response = await app.get(path, { method });
    const { status, headers } = response;
    if (status === 405 && method !== 'HEAD')
      expect((await problemOf(response)).code).toBe('method-not-allowed');
    return [status, headers.get('allow')];
  };

  it.each(['controllers', 'laterControllers'] as const)(
    'leaves every route of the host alone (%s)',
    async (position) => {
      await start({ [position]: [HostController] });
      for (const [method, path] of [
        ['PATCH', '/v1/stream'],
        ['GET', '/v1/notifications/settings'],
        ['GET', '/v1/notifications/read'],
        ['POST', '/v1/feeds/ada/labels'],
        ['DELETE', '/v1/preferences'],
      ] as const) {
        const response = await app.get(path, { method });
        expect([method, path, await response.text()]).toEqual([method, path, 'of the host']);
      }
      expect(await allowOf('PUT', '/v1/stream')).toEqual([405, 'GET, HEAD']);
    },
  );

  it('registers no route of its own', async () => {
    await start();
    const mapped = app.logger.logged.filter((line) => line.startsWith('Mapped'));
    expect(mapped).toHaveLength(26);
    expect(mapped.filter((line) => line.includes('/v1/stream'))).toEqual([
      'Mapped {/v1/stream, GET} route RouterExplorer',
    ]);
  });

  it('leaves paths alone that are not ours', async () => {
    await start();
    for (const path of ['/v1', '/v1/streams', '/v1/stream/x', '/stream', '/api/v1/stream', '/v1/feeds/a/b'])
      expect([path, ...(await allowOf('PUT', path))]).toEqual([path, 404, null]);
  });

  it('allows HEAD where there is GET, and leaves OPTIONS to the framework', async () => {
    await start();
    expect(await allowOf('HEAD', '/v1/notifications/read')).toEqual([405, 'POST']);
    expect(await allowOf('HEAD', '/v1/stream')).toEqual([401, null]);
    expect(await allowOf('OPTIONS', '/v1/stream')).toEqual([404, null]);
  });

  it('knows the global prefix, what is excluded from it, and versions', async () => {
    await start({
      configure: (nest) => {
        nest.setGlobalPrefix('api', { exclude: [{ path: 'v1/stream', method: RequestMethod.GET }] });
        nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '7' });
      },
    });
    expect(await allowOf('PUT', '/v1/stream')).toEqual([405, 'GET, HEAD']);
    expect(await allowOf('GET', '/api/v1/notifications/read')).toEqual([405, 'POST']);
    expect(await allowOf('GET', '/v1/notifications/read')).toEqual([404, null]);
    expect(await allowOf('PUT', '/api/v1/stream')).toEqual([404, null]);
  });

  it('knows where RouterModule puts the module', async () => {
    await start({ modulePath: 'inbox' });
    expect(await allowOf('PUT', '/inbox/v1/stream')).toEqual([405, 'GET, HEAD']);
    expect(await allowOf('PUT', '/v1/stream')).toEqual([404, null]);
  });
});

it('does nothing in an application context, which has no routes', async () => {
  @Module({
    providers: [AllowedMethods, Refusals, { provide: RESOLVED_OPTIONS, useValue: { metrics: NO_METRICS } }],
  })
  class Empty {}
  const context = await NestFactory.createApplicationContext(Empty, { logger: false });
  await context.close();
});
