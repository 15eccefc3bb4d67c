import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TidingsOptions } from '../contract/options/options.js';

/** Our controllers in a host. */
export interface ControllerOptions {
  /** The first part of all paths, below the host's global prefix. Default `v1`. */
  path?: string;
  /** Class decorators for each of them, such as a host's `@Public()` that its global guard looks for. Default none. */
  decorators?: ClassDecorator[];
}

/** What decides how the module is put together, and so cannot come from a factory. */
export interface TidingsModuleExtras {
  /** Whether its exports are visible everywhere without an import. Default `false`. */
  isGlobal?: boolean;
  /**
   * The HTTP interface: `false` to write the routes yourself with `TidingsService`, or where it is mounted. Default `true` where the role `api` is on; beside
   * `forRootAsync`, whose roles come from a factory, it must be set to `false` where that role is off.
   */
  controllers?: boolean | ControllerOptions;
  /** Where `forRootAsync` gives `queue.name`: the same name, for `@InjectQueue(name)`. Default `tidings`. */
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
