import { Catch, Inject, Optional, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ProblemLog } from './problem-log.js';
import type { ProblemAnswer } from './problem.js';
import { Refusals } from './refusals.js';

/** Writes a problem to a response that has not begun. */
export function sendProblem(
  httpAdapter: HttpAdapterHost['httpAdapter'],
  response: unknown,
  { problem, headers }: ProblemAnswer,
): void {
  httpAdapter.setHeader(response, 'Content-Type', 'application/problem+json');
  httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
  // As text: for an object Nest 11 would overwrite the Content-Type with application/json.
  httpAdapter.reply(response, JSON.stringify(problem), problem.status);
}

/**
 * Answers every error as `application/problem+json`, on Express and on Fastify. The controllers of this package use it themselves, so that a
 * host's own routes keep the host's filters. The service registers it globally, because unknown routes and unreadable bodies fail before
 * any controller.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter<unknown> {
  readonly #problems = new ProblemLog();

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    /** Missing where there are no routes of ours. */
    @Optional() @Inject(Refusals) private readonly refusals?: Refusals,
  ) {}

  catch(error: unknown, context: ArgumentsHost): void {
    const answer = this.#problems.answerTo(error);
    this.refusals?.count(answer.problem);
    const { httpAdapter } = this.host;
    const response = context.switchToHttp().getResponse<unknown>();
    // Too late for a status: the response has begun, and can only be ended.
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    sendProblem(httpAdapter, response, answer);
  }
}
