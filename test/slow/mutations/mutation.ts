/** A fault that is put into the product on purpose, to see whether a test notices. */
export interface Mutation {
  /** A word for it, in kebab case. */
  readonly name: string;
  /** What it breaks, as a sentence. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** The tests that must fail, each of these files at least with one. */
  readonly caughtBy: readonly CaughtBy[];
}

/** Some text of a file, which it must have exactly once, and what stands there instead. */
export interface Edit {
  /** From the top of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface CaughtBy {
  /** From the top of the repository. */
  readonly file: string;
  /** Only the tests whose full name has this text, where the others of the file would only take time. */
  readonly test?: string;
}

/** Puts the fault into the text of a file. @throws {Error} if the place is not there, or not the only one. */
export function applyEdit(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`${file} has this text ${parts.length - 1} times instead of once:\n${find}`);
}
