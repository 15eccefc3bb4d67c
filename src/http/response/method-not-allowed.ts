import { MethodNotAllowedException } from '@nestjs/common';

/** A path of ours with a method that it has no route for. */
export class MethodNotAllowed extends MethodNotAllowedException {
  /** The value of the `Allow` header. */
  readonly allow: string;

  constructor(methods: readonly string[]) {
    const allow = methods.join(', ');
    super(`This method is not allowed here; allowed are ${allow}.`);
    this.allow = allow;
  }
}
