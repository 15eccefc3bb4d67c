// jest loads this file without its transform, so the TypeScript behind it comes by tsx.
import { tsImport } from 'tsx/esm/api';

export default async function globalSetup() {
  const { setUp } = await tsImport('./servers.ts', import.meta.url);
  await setUp();
}
