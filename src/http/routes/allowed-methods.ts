import { Inject, Injectable, RequestMethod, type OnModuleInit, type Type } from '@nestjs/common';
import { HttpAdapterHost, MetadataScanner, ModuleRef } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';
import { MethodNotAllowed } from '../response/method-not-allowed.js';
import { sendProblem } from '../response/problem.filter.js';
import { answerTo } from '../response/problem.js';
import { Refusals } from '../response/refusals.js';
import { hasTidingsRoutes } from './route-decorators.js';

// Nest's metadata keys; its constants are not part of its public interface.
const PATH = 'path';
const METHOD = 'method';
const MODULE_PATH = '__module_path__';

/** A path of ours, below the host's prefix, with the methods that have a route. */
interface Resource {
  readonly pattern: RegExp;
  readonly parameters: number;
  readonly methods: string[];
}

/**
 * Answers 405 with `Allow` (RFC 9110, 15.5.6) where a path is ours and the method is not. Paths and methods are those of the controllers' routes.
 *
 * It sees only requests that no route took, whoever owns the route, so a host may add a method to a path of ours. Nest runs `onModuleInit` when
 * all routes are registered and its own 404 handler is not. On another platform than Express and Fastify the answer remains 404.
 */
@Injectable()
export class AllowedMethods implements OnModuleInit {
  #resources: readonly Resource[] = [];

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ModuleRef) private readonly module: ModuleRef,
    @Inject(Refusals) private readonly refusals: Refusals,
  ) {}

  onModuleInit(): void {
    const { httpAdapter } = this.host;
    // An application context has no adapter, or one that does nothing.
    const platform = httpAdapter?.getType?.();
    if (platform !== 'express' && platform !== 'fastify') return;
    this.#resources = this.#findResources(
      platform === 'express' ? looseness(httpAdapter.getInstance<Express>()) : STRICT,
    );
    if (platform === 'express') {
      httpAdapter.use((request: unknown, response: unknown, next: () => void) => {
        if (!this.#answer(request, response)) next();
      });
    } else {
      const fastify = httpAdapter.getInstance<Fastify>();
      // Before the body is parsed, and after the `onRequest` hooks of CORS and other plugins.
      fastify.addHook('preParsing', (request, reply, _payload, done) => {
        if (!request.is404 || !this.#answer(request, reply)) done();
      });
    }
  }

  /** @throws {MethodNotAllowed} if the path is ours and has no route for the method. */
  check(request: unknown): void {
    const problem = this.#problemOf(request);
    if (problem) throw problem;
  }

  /** Whether the request was answered. */
  #answer(request: unknown, response: unknown): boolean {
    const problem = this.#problemOf(request);
    if (problem === null) return false;
    const answer = answerTo(problem);
    this.refusals.count(answer.problem);
    sendProblem(this.host.httpAdapter, response, answer);
    return true;
  }

  #problemOf(request: unknown): MethodNotAllowed | null {
    const { httpAdapter } = this.host;
    const [path = ''] = String(httpAdapter.getRequestUrl(request)).split('?');
    const method = String(httpAdapter.getRequestMethod(request));
    const resource = this.#resources.find(({ pattern }) => pattern.test(path));
    // OPTIONS is for CORS, or for the framework.
    if (!resource || method === 'OPTIONS' || resource.methods.includes(method)) return null;
    return new MethodNotAllowed(resource.methods);
  }

  #findResources(looseness: Looseness): Resource[] {
    const byPath = new Map<string, string[]>();
    for (const [path, method] of this.#findRoutes()) {
      const methods = byPath.get(path) ?? [];
      methods.push(...(method === RequestMethod.GET ? ['GET', 'HEAD'] : [RequestMethod[method]]));
      byPath.set(path, methods);
    }
    return (
      [...byPath]
        .map(([path, methods]) => ({
          pattern: patternOf(path, looseness),
          parameters: path.split('/:').length - 1,
          methods: methods.toSorted(),
        }))
        // A fixed path comes before one with a parameter in its place.
        .toSorted((one, other) => one.parameters - other.parameters)
    );
  }

  *#findRoutes(): Generator<[path: string, method: RequestMethod]> {
    // Nest has no public way to ask where its routes are; the container knows the global prefix and the paths of `RouterModule`.
    const container = this.module['container'];
    const config = container.applicationConfig;
    if (!config) return;
    const globalPrefix = config.getGlobalPrefix() && `/${config.getGlobalPrefix().replace(/^\//, '')}`;
    const paths = new RoutePathFactory(config);
    const modules = container.getModules();
    for (const { metatype, controllers } of modules.values()) {
      const modulePath = (Reflect.getMetadata(MODULE_PATH + modules.applicationId, metatype) ??
        Reflect.getMetadata(MODULE_PATH, metatype)) as string | undefined;
      for (const { metatype: controller } of controllers.values()) {
        if (!controller || !hasTidingsRoutes(controller as Type)) continue;
        const ctrlPath = Reflect.getMetadata(PATH, controller) as string;
        const prototype = controller.prototype as Record<string, object>;
        for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
          const handler = prototype[name]!;
          if (!Reflect.hasMetadata(PATH, handler)) continue;
          const methodPath = Reflect.getMetadata(PATH, handler) as string;
          const method = Reflect.getMetadata(METHOD, handler) as RequestMethod;
          for (const path of paths.create({ ctrlPath, methodPath, modulePath, globalPrefix }, method)) {
            yield [path, method];
          }
        }
      }
    }
  }
}

/** What the router ignores. */
interface Looseness {
  readonly case: boolean;
  /** At the end. */
  readonly slash: boolean;
}

const STRICT: Looseness = { case: false, slash: false };

/** Express ignores both unless it is told otherwise, Fastify neither. */
function looseness(express: Express): Looseness {
  return { case: !express.enabled('case sensitive routing'), slash: !express.enabled('strict routing') };
}

interface Express {
  enabled(setting: string): boolean;
}

/** Matches a path as the router does. */
function patternOf(path: string, looseness: Looseness): RegExp {
  const segments = path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${segments.join('/')}${looseness.slash ? '/?' : ''}$`, looseness.case ? 'i' : '');
}

interface Fastify {
  addHook(
    name: 'preParsing',
    hook: (request: { readonly is404: boolean }, reply: unknown, payload: unknown, done: () => void) => void,
  ): void;
}
