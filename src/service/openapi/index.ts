import type { INestApplication } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';
import { openApiDocument } from './document.js';

export { describeControllers, openApiDocument } from './document.js';

/** `/docs` is the page, `/docs/openapi.json` the document. Made when it is first asked for: most processes never are. */
export function mountDocs(app: INestApplication, version: string): void {
  let document: ReturnType<typeof openApiDocument> | undefined;
  SwaggerModule.setup('docs', app, () => (document ??= openApiDocument(app, version)), {
    jsonDocumentUrl: 'docs/openapi.json',
    customSiteTitle: 'Tidings',
    raw: ['json'],
  });
}
