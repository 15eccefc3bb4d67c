import { describe } from '@jest/globals';
import { findTool, type Tool } from './find-tool.js';

export { findTool, type Tool } from './find-tool.js';

export { hasRedis } from './redis.js';
export const hasChromium = (): boolean => findTool('chromium') !== null;
export const hasNginx = (): boolean => findTool('nginx') !== null;

/** `describe`, or `describe.skip` with the missing program in the title, where the reporter finds it. */
export function describeWith(tool: Tool, title: string, tests: () => void): void {
  if (findTool(tool) !== null) describe(title, tests);
  else describe.skip(`${title} [needs ${tool}]`, tests);
}
