import { Injectable } from '@nestjs/common';

/**
 * Whether this instance is shutting down:
 *
 *     ready --begin--> draining
 *
 * Draining begins before anything is closed, so that a load balancer that polls `/readyz` sends no new
 * clients while the old ones are asked to reconnect elsewhere.
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
