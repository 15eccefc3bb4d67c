import type { INestApplication, Type } from '@nestjs/common';
import {
  ApiBody,
  ApiExcludeController,
  ApiHeader,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  DocumentBuilder,
  SwaggerModule,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { ERROR_TABLE, type ErrorCode } from '../../contract/errors.js';
import { OPERATIONS, type Caller, type Operation } from './operations.js';
import { ref, SCHEMAS, type Schema } from './schemas.js';

const SECURITY: Readonly<Record<Caller, readonly string[]>> = {
  recipient: ['token'],
  producer: ['producerKey', 'producerKeyAsBearer'],
  support: ['supportKey'],
  admin: ['adminKey'],
  anyone: [],
};
const PROBLEM_TYPE = 'application/problem+json';

/**
 * Decorates the controllers with what OpenAPI wants to know. From outside and not where they are written, because what is written there is
 * imported by hosts as well, and none of this may reach them. Controllers that are not in the table stay out of the document.
 *
 * @throws {Error} if the table has a method that its controller has not.
 */
export function describeControllers(controllers: readonly Type[]): void {
  for (const controller of controllers) {
    const operations = OPERATIONS[controller.name];
    if (!operations) {
      ApiExcludeController()(controller);
      continue;
    }
    for (const [method, operation] of Object.entries(operations)) {
      const prototype = controller.prototype as object;
      const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
      if (!descriptor) throw new Error(`${controller.name} has no method ${method} to be described.`);
      for (const decorate of decoratorsOf(operation)) decorate(prototype, method, descriptor);
    }
  }
}

/** The document, of the routes that the application really has. */
export function openApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const key = { type: 'apiKey', in: 'header', name: 'X-API-Key' } as const;
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Tidings')
    .setDescription('A durable, live feed of notifications for every signed-in user.')
    .setVersion(version)
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'token')
    .addApiKey({ ...key, description: 'One of PRODUCER_API_KEYS.' }, 'producerKey')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The same key.' }, 'producerKeyAsBearer')
    .addApiKey({ ...key, description: 'One of SUPPORT_API_KEYS.' }, 'supportKey')
    .addApiKey({ ...key, description: 'One of ADMIN_API_KEYS.' }, 'adminKey')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
    autoTagControllers: false,
  });
  // The types of the package know OpenAPI 3.0's schemas, which are fewer.
  document.components = { ...document.components, schemas: SCHEMAS };
  return document;
}

function decoratorsOf(operation: Operation): MethodDecorator[] {
  const { summary, caller, query = {}, headers = {}, body, answer, status = 200, otherStatus } = operation;
  const { mediaType = 'application/json', problems = [] } = operation;
  const answerWith = (code: number, type: string): MethodDecorator =>
    ApiResponse({ status: code, description: summary, content: { [type]: { schema: answer } } });
  return [
    ApiOperation({ summary, tags: [caller] }),
    ...SECURITY[caller].map((name) => ApiSecurity(name)),
    ...Object.entries(query).map(([name, schema]) =>
      ApiQuery({ name, required: 'minLength' in schema, schema: schema as never }),
    ),
    ...Object.entries(headers).map(([name, schema]) => ApiHeader({ name, schema: schema })),
    ...(body ? [ApiBody({ schema: body as never })] : []),
    answerWith(status, mediaType),
    ...(otherStatus ? [answerWith(otherStatus, PROBLEM_TYPE)] : []),
    ...problemsOf(problems),
  ];
}

/** One answer for each status, with an example for each code. */
function problemsOf(codes: readonly ErrorCode[]): MethodDecorator[] {
  const statuses = [...new Set<number>(codes.map((code) => ERROR_TABLE[code].status))];
  return statuses.map((status) => {
    const list = codes.filter((code) => ERROR_TABLE[code].status === status);
    return ApiResponse({
      status,
      description: list.map((code) => ERROR_TABLE[code].title).join('; '),
      content: {
        [PROBLEM_TYPE]: {
          schema: ref('Problem'),
          examples: Object.fromEntries(list.map((code) => [code, { value: exampleOf(code) }])),
        },
      },
    });
  });
}

function exampleOf(code: ErrorCode): Schema {
  const { status, title } = ERROR_TABLE[code];
  return { type: 'about:blank', title, status, detail: `${title}.`, code };
}
