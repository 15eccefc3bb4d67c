import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TidingsOptions } from '../contract/options/options.js';

/** The mounting of Tidings' controllers in an application. */
export interface ControllerOptions {
  /** The first segment of all paths, below the global prefix. Default `v1`. */
  path?: string;
  /** Class decorators for each controller, such as a `@Public()` for a global guard. Default none. */
  decorators?: ClassDecorator[];
}

/** Options that decide the composition of the module and so cannot come from a factory. */
export interface TidingsModuleExtras {
  /** Whether the module's exports are available everywhere without an import. Default `false`. */
  isGlobal?: boolean;
  /**
   * The HTTP interface: where to mount it, or `false` to write the routes yourself with `TidingsService`.
   * Default `true` with the role `api`. With `forRootAsync`, whose roles come from a factory, set it to
   * `false` if that role is off.
   */
  controllers?: boolean | ControllerOptions;
  /** With `forRootAsync`: the same name as `queue.name`, for `@InjectQueue(name)`. Default `tidings`. */
  queueName?: string;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<TidingsOptions>({ moduleName: 'Tidings' })
    .setClassMethodName('forRoot')
    .setExtras<TidingsModuleExtras>(
      { isGlobal: false, controllers: undefined, queueName: undefined },
      (definition, { isGlobal }) => ({
        ...definition,
        global: isGlobal ?? false,
      }),
    )
    .build();
