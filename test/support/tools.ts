import { describe } from '@jest/globals';
import { findTool, type Tool } from './find-tool.js';

export { findTool, type Tool } from './find-tool.js';

export { hasRedis } from './redis.js';
export const hasChromium = (): boolean => findTool('chromium') !== null;
export const hasNginx = (): boolean => findTool('nginx') !== null;

/** `describe`, or `describe.skip` with the missing programs in the title, where the reporter finds them. */
export function describeWith(tools: Tool | readonly Tool[], title: string, tests: () => void): void {
  const missing = [tools].flat().filter((tool) => findTool(tool) === null);
  if (missing.length === 0) describe(title, tests);
  else describe.skip(`${title} [needs ${missing.join(', ')}]`, tests);
}
