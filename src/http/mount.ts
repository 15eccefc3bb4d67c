import 'reflect-metadata';
import { Controller, Inject, Res, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Observable } from 'rxjs';
import type { Frame } from '../contract/ports/stream.js';
import { answerWithEvents } from './response/event-stream.js';
import type { HttpResponse } from './request/http-request.js';

/** Where and how the controllers are mounted in a host. */
export interface Mounting {
  /** Instead of `v1`. */
  readonly path: string;
  /** Class decorators of the host for each controller. */
  readonly decorators: readonly ClassDecorator[];
}

// Nest's metadata keys; its constants are not part of its public interface.
const PATH = 'path';
const SSE = '__sse__';
const ADAPTER = Symbol('adapter');

type Handler = (this: object, ...args: unknown[]) => unknown;

/**
 * Mounts the controllers in a host: below its path, with its decorators, in any version of its API, and writing their own responses.
 *
 * They write their own responses because a host's interceptors are for the host's routes: an envelope would wrap each frame and each page, a
 * timeout would end every stream. Interceptors run as on any route that injects `@Res()`, but their result is not sent.
 *
 * Subclasses, so that two applications of one process can mount the same controllers.
 */
export function mount(controllers: readonly Type[], mounting: Mounting): Type[] {
  return controllers.map((controller) => mounted(controller, mounting));
}

function mounted(base: Type, { path, decorators }: Mounting): Type {
  // With the name of the original, for logs and the host's tools.
  const { [base.name]: Mounted } = { [base.name]: class extends base {} };
  const given = Reflect.getMetadata(PATH, base) as string;
  Controller({ path: given.replace(/^v1(?=\/|$)/, path), version: VERSION_NEUTRAL })(Mounted!);
  for (const decorate of decorators) decorate(Mounted!);
  Inject(HttpAdapterHost)(Mounted!.prototype, ADAPTER);
  const prototype = base.prototype as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = prototype[name];
    if (name === 'constructor' || typeof handler !== 'function' || !Reflect.hasMetadata(PATH, handler))
      continue;
    answerIn(Mounted!.prototype, name, handler as Handler);
  }
  return Mounted!;
}

/** Overrides a route's handler with one that sends the result of the original. */
function answerIn(prototype: Record<string, unknown>, name: string, handler: Handler): void {
  const isStream = Reflect.hasMetadata(SSE, handler);
  const responseAt = handler.length;
  const answering: Handler = async function (...args) {
    const response = args[responseAt] as HttpResponse;
    const result = await handler.apply(this, args.slice(0, responseAt));
    if (isStream) return answerWithEvents(response, result as Observable<Frame>);
    const { httpAdapter } = (this as { [ADAPTER]: HttpAdapterHost })[ADAPTER];
    httpAdapter.reply(response, result);
  };
  for (const key of Reflect.getMetadataKeys(handler) as string[]) {
    if (key !== SSE) Reflect.defineMetadata(key, Reflect.getMetadata(key, handler), answering);
  }
  Object.defineProperty(prototype, name, { value: answering, writable: true, configurable: true });
  Res()(prototype, name, responseAt);
}
