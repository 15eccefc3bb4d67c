import { Delete, Inject, Param, Req } from '@nestjs/common';
import { ConflictError, InvalidRequestError, NotFoundError } from '../../contract/errors.js';
import { nameProblem } from '../../contract/model/feed.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import { JOB_CANCELLER } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import type { HttpRequest } from '../request/http-request.js';
import { refuseQuery } from '../request/page-query.js';
import { audit } from './audit-log.js';
import { ProducerRoutes } from './route-decorators.js';

/** `/v1/jobs`: the jobs that producers have enqueued. */
@ProducerRoutes('v1/jobs')
export class JobsController {
  constructor(@Inject(JOB_CANCELLER) private readonly canceller: JobCanceller) {}

  /** `DELETE /v1/jobs/:id`: 200 means that the job will never run. Jobs that the key does not reach are unknown to it. */
  @Delete(':id')
  async cancel(
    @Req() request: HttpRequest,
    @CurrentHolder() producer: KeyHolder,
    @Param('id') id: string,
  ): Promise<{ outcome: CancelOutcome }> {
    refuseQuery(request);
    const problem = nameProblem(id);
    if (problem) throw new InvalidRequestError([{ field: 'id', problem }]);
    const outcome = await this.canceller.cancel(id, producer);
    audit(producer, `cancels the job ${JSON.stringify(id)}: ${outcome}`);
    if (outcome === 'unknown') {
      throw new NotFoundError([{ field: 'id', problem: 'is not the id of a job on the queue' }]);
    }
    if (outcome !== 'cancelled') throw new ConflictError(TOO_LATE[outcome]);
    return { outcome };
  }
}

const ADVICE = 'take it back by its dedupeKey: POST /v1/notifications/recall';
const TOO_LATE = {
  running: `The job is running; ${ADVICE}.`,
  done: `The job was delivered at once or has ended; if it was delivered, ${ADVICE}.`,
} as const;
