import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import { InvalidJobError, InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import { nameProblem } from '../../contract/model/feed.js';
import { parseJobData, type JobData } from '../../contract/model/job.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import type { EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { PRODUCER } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import { MAX_BODY_BYTES } from '../request/body-limit.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { ProducerRoutes } from './audiences.js';

/** The jobs that a request has enqueued. */
export interface Accepted {
  readonly jobs: readonly { readonly id: string }[];
}

/** `/v1/notifications`. */
@ProducerRoutes('v1/notifications')
export class NotificationsController {
  constructor(@Inject(PRODUCER) private readonly producer: Producer) {}

  /** `POST /v1/notifications`: the body is a job's data with its `type`. 202 means that the queue has stored it (G9). */
  @Post()
  @HttpCode(202)
  async publish(@Req() request: HttpRequest, @CurrentHolder() producer: KeyHolder): Promise<Accepted> {
    const options = enqueueOptions(request, producer);
    const { type, ...data } = await jsonObject(request, MAX_BODY_BYTES);
    const problem = typeNameProblem(type);
    if (problem) throw new InvalidJobError([{ field: 'type', problem }, ...problemsOf(data)]);
    // The producer validates the data, whatever its static type.
    const job = await this.producer.enqueue(type as string, data as unknown as JobData, options);
    return { jobs: [{ id: job.id }] };
  }
}

function enqueueOptions(request: HttpRequest, producer: KeyHolder): EnqueueOptions {
  const key = headerOf(request, 'idempotency-key');
  if (key === undefined) return {};
  const problem = nameProblem(key);
  if (problem) throw new InvalidRequestError([{ field: 'Idempotency-Key', problem }]);
  return { idempotency: { scope: producer.id, key } };
}

/** With a wrong type the producer would not look at the data; all wrong fields are reported together. */
function problemsOf(data: unknown): readonly InvalidField[] {
  try {
    parseJobData(data);
    return [];
  } catch (error) {
    if (error instanceof InvalidJobError) return error.fields;
    throw error;
  }
}
