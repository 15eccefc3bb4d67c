import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AllowedMethods } from './allowed-methods.js';

/** For a route with a parameter that also matches fixed paths of ours, which do not have its method. */
@Injectable()
export class AllowedMethodsGuard implements CanActivate {
  constructor(@Inject(AllowedMethods) private readonly allowedMethods: AllowedMethods) {}

  canActivate(context: ExecutionContext): true {
    this.allowedMethods.check(context.switchToHttp().getRequest<unknown>());
    return true;
  }
}
