import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TidingsOptions } from './contract/options.js';

/** What decides how the module is put together, and so cannot come from a factory. */
export interface TidingsModuleExtras {
  /** Whether its exports are visible everywhere without an import. Default `false`. */
  isGlobal?: boolean;
  /** Whether the HTTP interface is mounted. Default `true`; set it to `false` where the role `api` is off. */
  controllers?: boolean;
  /** Where `forRootAsync` gives `queue.name`: the same name, for `@InjectQueue(name)`. Default `tidings`. */
  queueName?: string;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<TidingsOptions>({ moduleName: 'Tidings' })
    .setClassMethodName('forRoot')
    .setExtras<TidingsModuleExtras>({ isGlobal: false, controllers: true }, (definition, { isGlobal }) => ({
      ...definition,
      global: isGlobal ?? false,
    }))
    .build();
