import { Logger } from '@nestjs/common';
import { cut } from '../../contract/cut.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { printable } from '../../platform/logging/printable.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { answerTo, type ProblemAnswer } from './problem.js';

/** A stack begins with the message, which may quote an external input. */
const MAX_STACK_LENGTH = 4_000;

/** Answers errors, and logs those that are not the caller's. */
export class ProblemLog {
  readonly #logger = new Logger('TidingsHttp');
  readonly #outages = new RepeatedErrors(this.#logger);

  answerTo(error: unknown): ProblemAnswer {
    const answer = answerTo(error);
    const { kind, problem } = answer;
    // Once for many requests: an outage would fill the log.
    if (kind === 'unavailable') this.#outages.report(printable(describeError(error), 1_000));
    if (kind === 'unexpected') {
      this.#logger.error(
        `${problem.instance}: ${printable(String(error), 1_000)}`,
        error instanceof Error ? cut(error.stack ?? '', MAX_STACK_LENGTH) : undefined,
      );
    }
    return answer;
  }
}
