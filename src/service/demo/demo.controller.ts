import { readFileSync } from 'node:fs';
import { Controller, Get, Header, Inject, NotFoundException, Param, UseGuards } from '@nestjs/common';
import type { ResolvedOptions } from '../../contract/options/options.js';
import { RESOLVED_OPTIONS } from '../../contract/tokens.js';
import { mintToken, type DevelopmentCredentials } from '../development-credentials.js';
import { LocalHostGuard } from './local-host.guard.js';

/** {@link DevelopmentCredentials} */
export const DEMO_CREDENTIALS = Symbol('tidings:demo-credentials');
/** The signed-in users of the page; the printed commands use the first. */
export const DEMO_USERS = ['ada', 'grace'] as const;

const TOKEN_LIFETIME_SECONDS = 3_600;
/** Everything comes from this origin, in files: no inline script, no other host. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const asset = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');

/** The files of `tidings/element` and `tidings/push`. They exist once the package is built. */
const BUNDLES: Readonly<Record<string, string>> = {
  'tidings-element.js': '../../browser/element/index.js',
  'overlays.js': '../../browser/element/overlays.js',
  'tidings-push.js': '../../browser/push/index.js',
  'service-worker.js': '../../browser/push/service-worker.js',
};
const PICTURES = ['icon.svg', 'lin.svg', 'amara.svg'];

/** The data for the page's script. */
export interface DemoSession {
  readonly users: readonly { readonly name: string; readonly token: string }[];
  readonly producerApiKey: string;
  /** Whether the service has Web Push. */
  readonly push: boolean;
}

/**
 * A page to try the service. It gives credentials to anyone, so it is mounted with development credentials
 * only: the service is then reachable from this machine alone.
 */
@Controller('demo')
@UseGuards(LocalHostGuard)
export class DemoController {
  private readonly page = asset('index.html');
  private readonly style = asset('demo.css');
  private readonly pictures: ReadonlyMap<string, string> = new Map(
    PICTURES.map((file) => [file, asset(file)]),
  );
  private readonly scripts = new Map(
    ['demo.js', 'desk.js', 'jobs.js', 'frames.js'].map((file) => [file, asset(file)]),
  );

  constructor(
    @Inject(DEMO_CREDENTIALS) private readonly credentials: DevelopmentCredentials,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'push'>,
  ) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', POLICY)
  @Header('Cache-Control', 'no-store')
  index(): string {
    return this.page;
  }

  @Get('session')
  @Header('Cache-Control', 'no-store')
  async session(): Promise<DemoSession> {
    const { jwtSecret, producerApiKey } = this.credentials;
    const users = DEMO_USERS.map(async (name) => ({
      name,
      token: await mintToken(jwtSecret, name, TOKEN_LIFETIME_SECONDS),
    }));
    return { users: await Promise.all(users), producerApiKey, push: this.options.push !== null };
  }

  @Get('demo.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  css(): string {
    return this.style;
  }

  @Get(':picture.svg')
  @Header('Content-Type', 'image/svg+xml')
  @Header('Cache-Control', 'no-store')
  picture(@Param('picture') name: string): string {
    const picture = this.pictures.get(`${name}.svg`);
    if (picture === undefined) throw new NotFoundException();
    return picture;
  }

  @Get(':script')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  // The page is above the folder of the service worker.
  @Header('Service-Worker-Allowed', '/demo')
  @Header('Cache-Control', 'no-store')
  script(@Param('script') name: string): string {
    const bundle = BUNDLES[name];
    const script = this.scripts.get(name) ?? (bundle && asset(bundle));
    if (!script) throw new NotFoundException();
    this.scripts.set(name, script);
    return script;
  }
}
