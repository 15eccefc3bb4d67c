import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

/** What a run has measured of one part. */
export interface Section {
  readonly part: string;
  /** Markdown. */
  readonly text: string;
}

/** Replaces what docs/performance.md says of these parts, each between two comments; the rest stays. */
export async function writeSections(sections: readonly Section[]): Promise<void> {
  let document = await readFile(FILE, 'utf8');
  for (const { part, text } of sections) document = replaced(document, part, text);
  await writeFile(FILE, document);
}

function replaced(document: string, part: string, text: string): string {
  const [begin, end] = [`<!-- bench ${part} -->`, `<!-- /bench ${part} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${FILE} has no place for part ${part}: ${begin} ... ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
