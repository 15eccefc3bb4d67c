import { setImmediate as nextTurn } from 'node:timers/promises';
import { HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import {
  InvalidJobError,
  InvalidRequestError,
  isRetryable,
  type InvalidField,
} from '../../contract/errors.js';
import { nameProblem } from '../../contract/model/feed.js';
import {
  JOB_FIELDS,
  parseJobData,
  refuseOversized,
  type JobData,
  type JobSender,
} from '../../contract/model/job.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import type { Enqueued, Producer } from '../../contract/ports/produce.js';
import { PRODUCER } from '../../contract/tokens.js';
import { withKeyId } from '../../platform/call-context.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import { checkAudienceScope } from '../credentials/audience-scope.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { inOwnTenant } from '../credentials/own-tenant.js';
import { MAX_BODY_BYTES } from '../request/body-limit.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { asObject, jsonBody } from '../request/json-body.js';
import { ProblemLog } from '../response/problem-log.js';
import type { Problem } from '../response/problem.js';
import { ProducerRoutes } from './route-decorators.js';

/** The most notifications of one request. */
export const MAX_NOTIFICATIONS = 100;

/** What became of each notification of a request, in order. */
export interface Accepted {
  readonly jobs: readonly (Enqueued | { readonly error: Problem })[];
}

type Settled = PromiseSettledResult<Enqueued>;

/** `/v1/notifications`. */
@ProducerRoutes('v1/notifications')
export class NotificationsController {
  readonly #problems = new ProblemLog();

  constructor(@Inject(PRODUCER) private readonly producer: Producer) {}

  /**
   * `POST /v1/notifications`: the body is a job's data with its `type`, or an array of up to 100 of these.
   *
   * 202 means that the log has each notification (`delivered`) or that the queue has stored it (`queued`) (G9). Of an array each is answered
   * by itself: 207 (Multi-Status, RFC 4918, section 13) says that some were refused, and has a problem in their place.
   */
  @Post()
  @HttpCode(202)
  async publish(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: { status(code: number): unknown },
    @CurrentHolder() producer: KeyHolder,
  ): Promise<Accepted> {
    const key = idempotencyKey(request);
    const idempotency = (key: string) => ({ scope: producer.id, key });
    const body = await jsonBody(request, MAX_BODY_BYTES);
    if (!Array.isArray(body)) {
      const options = key === undefined ? {} : { idempotency: idempotency(key) };
      return { jobs: [await this.enqueue(asObject(body, 'body'), producer, options)] };
    }
    refuseSize(body);
    const settled = await Promise.allSettled(
      await inTurns(body, async (item: unknown, index) => {
        // A key of its own for each place, since each is a job of its own.
        const options = key === undefined ? {} : { idempotency: idempotency(JSON.stringify([key, index])) };
        return this.enqueue(asObject(item, `[${index}]`), producer, options);
      }),
    );
    refuseOutage(settled);
    if (settled.some(({ status }) => status === 'rejected')) response.status(207);
    return {
      jobs: settled.map((result) =>
        result.status === 'fulfilled'
          ? result.value
          : { error: this.#problems.answerTo(result.reason).problem },
      ),
    };
  }

  private async enqueue(
    given: Readonly<Record<string, unknown>>,
    producer: KeyHolder,
    options: Parameters<Producer['enqueue']>[2],
  ): Promise<Enqueued> {
    // Before it is copied.
    refuseOversized(given, BODY_FIELDS);
    const { type, ...body } = given;
    if ('sender' in body) {
      const problem = 'must not be given: the service sets it, from the API key';
      throw new InvalidJobError([{ field: 'sender', problem }]);
    }
    checkAudienceScope(producer, body['to']);
    const sender = senderOf(producer);
    const data = { ...inOwnTenant(body, producer), ...(sender && { sender }) };
    const problem = typeNameProblem(type);
    if (problem) throw new InvalidJobError([{ field: 'type', problem }, ...problemsOf(data)]);
    // The producer checks the data; the type is that of a well-behaved caller.
    return withKeyId(producer.id, () =>
      this.producer.enqueue(type as string, data as unknown as JobData, options),
    );
  }
}

/**
 * What a job tells about its sender. Nothing for a key with neither name nor tenant, which nobody is kept apart from: workers that are older than
 * this field refuse it, and a deployment without bound keys must not depend on the order in which its processes are replaced.
 */
function senderOf({ id, name, tenant }: KeyHolder): JobSender | null {
  if (name === null && tenant === null) return null;
  return { key: id, ...(name !== null && { name }) };
}

const BODY_FIELDS = ['type', ...JOB_FIELDS];

/** How long the notifications of a request may hold the event loop before others get a turn. */
const TURN_MS = 10;

/** Starts the work for each item in order. Between items other requests get their turn: a hundred large notifications take a while to check. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  start: (item: Item, index: number) => Promise<Result>,
): Promise<Promise<Result>[]> {
  const started: Promise<Result>[] = [];
  let since = performance.now();
  for (const [index, item] of items.entries()) {
    const result = start(item, index);
    // Handled by the caller, but only when all have started.
    result.catch(() => {});
    started.push(result);
    if (performance.now() - since < TURN_MS) continue;
    await nextTurn();
    since = performance.now();
  }
  return started;
}

function idempotencyKey(request: HttpRequest): string | undefined {
  const key = headerOf(request, 'idempotency-key');
  const problem = key === undefined ? null : nameProblem(key);
  if (problem) throw new InvalidRequestError([{ field: 'Idempotency-Key', problem }]);
  return key;
}

function refuseSize(body: readonly unknown[]): void {
  if (body.length >= 1 && body.length <= MAX_NOTIFICATIONS) return;
  const problem = `must have 1 to ${MAX_NOTIFICATIONS} notifications, has ${body.length}`;
  throw new InvalidRequestError([{ field: 'body', problem }]);
}

/** Where nothing was accepted and all may be repeated, the request is answered as that of a single notification: 503 with `Retry-After`. */
function refuseOutage(settled: readonly Settled[]): void {
  const reasons = settled.flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  if (reasons.length === settled.length && reasons.every(isRetryable)) throw reasons[0];
}

/** All problems are reported at once: beside a wrong type the producer would not look at the data. */
function problemsOf(data: unknown): readonly InvalidField[] {
  try {
    parseJobData(data);
    return [];
  } catch (error) {
    if (error instanceof InvalidJobError) return error.fields;
    throw error;
  }
}
