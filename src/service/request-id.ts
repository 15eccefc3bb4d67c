import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { inCall, isRequestId } from '../platform/call-context.js';

/** Gives each request an id, that of the caller or of a proxy if it has a well-formed one: for the answer, the log and jobs. */
export function withRequestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const requestId = isRequestId(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', requestId);
  inCall({ requestId }, next);
}
