import { Injectable } from '@nestjs/common';

/**
 * Whether this instance is going away:
 *
 *     ready --begin--> draining
 *
 * It begins before anything is closed, so that a load balancer that asks `/readyz` sends no new clients while the old
 * ones are being told to come back elsewhere.
 */
@Injectable()
export class DrainState {
  private begun = false;

  get draining(): boolean {
    return this.begun;
  }

  begin(): void {
    this.begun = true;
  }
}
