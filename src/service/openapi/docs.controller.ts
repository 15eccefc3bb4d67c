import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';
import { OnAdminPort } from '../admin-port.js';
import { PAGE, SCRIPT } from './page.js';

/** The OpenAPI document. The path is valid from `src` and from `dist`. */
const DOCUMENT = new URL('../../../docs/openapi.yaml', import.meta.url);

/** The files of Swagger UI that the page needs, with their media types. */
const ASSETS: ReadonlyMap<string, string> = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

/** Swagger UI sets inline styles and has icons as `data:` URLs; its scripts are files of this origin. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * `/docs`: serves docs/openapi.yaml unchanged, as JSON, and as a page. Everything is loaded on the first
 * request: most processes never get one, and their start must not pay for it.
 */
@Controller('docs')
@OnAdminPort()
export class DocsController {
  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', POLICY)
  page(): string {
    return PAGE;
  }

  @Get('docs.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  script(): string {
    return SCRIPT;
  }

  @Get('openapi.yaml')
  @Header('Content-Type', 'application/yaml; charset=utf-8')
  yaml(): Promise<string> {
    return readFile(DOCUMENT, 'utf8');
  }

  @Get('openapi.json')
  async json(): Promise<object> {
    const { parse } = await import('yaml');
    return parse(await this.yaml()) as object;
  }

  @Get(':asset')
  asset(@Param('asset') name: string): StreamableFile {
    const type = ASSETS.get(name);
    if (type === undefined) throw new NotFoundException();
    const directory = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    return new StreamableFile(createReadStream(join(directory, name)), { type });
  }
}
