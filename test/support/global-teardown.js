import { tsImport } from 'tsx/esm/api';

export default async function globalTeardown() {
  const { tearDown } = await tsImport('./servers.ts', import.meta.url);
  await tearDown();
}
