/**
 * `npm run mutate -- [--only <name>] [--trust]`: puts each fault of the list into a copy of the product and runs the tests that must
 * notice. Prints which did, as the table of docs/reliability.md, and fails if a fault survives.
 *
 * --only   this mutation alone; may be repeated
 * --trust  does not run the tests on the unbroken product first
 */
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS } from './list.js';
import { applyEdit, type CaughtBy, type Mutation } from './mutation.js';
import { runTests } from './jest-run.js';

const NOT_COPIED = new Set(['node_modules', '.git', 'dist', '.tidings', 'coverage']);

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, trust: { type: 'boolean', default: false } },
});
const chosen = values.only
  ? values.only.map((name) => {
      const found = MUTATIONS.find((mutation) => mutation.name === name);
      if (found) return found;
      throw new Error(`There is no mutation ${name}; there are ${MUTATIONS.map((m) => m.name).join(', ')}.`);
    })
  : MUTATIONS;

const copy = await copyOfTheRepository();
const removeCopy = (): Promise<void> => rm(copy, { recursive: true, force: true, maxRetries: 3 });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void removeCopy().finally(() => process.exit(1)));
}
try {
  const sound = values.trust || (await testsPassUnbroken(chosen));
  const rows: string[] = [];
  let survivors = 0;
  for (const mutation of chosen) {
    const { problems, names } = await tryOut(mutation);
    survivors += problems.length > 0 ? 1 : 0;
    console.log(`${problems.length === 0 ? 'caught' : 'NOT CAUGHT'}  ${mutation.name}: ${mutation.breaks}`);
    for (const name of names) console.log(`    by  ${name}`);
    for (const problem of problems) console.log(`    !!  ${problem}`);
    rows.push(`| ${mutation.breaks} | \`${mutation.name}\` | ${shortened(names)} |`);
  }
  console.log(`\n| what is broken | name | what catches it |\n| --- | --- | --- |\n${rows.join('\n')}\n`);
  console.log(`${chosen.length - survivors} of ${chosen.length} mutations caught`);
  if (survivors > 0 || !sound) process.exitCode = 1;
} finally {
  await removeCopy();
}

/** What it breaks must be seen by every test that is named, and the copy is whole again afterwards. */
async function tryOut({ edits, caughtBy }: Mutation): Promise<{ names: string[]; problems: string[] }> {
  const originals = new Map<string, string>();
  const names: string[] = [];
  const problems: string[] = [];
  try {
    for (const edit of edits) {
      const path = join(copy, edit.file);
      const text = await readFile(path, 'utf8');
      if (!originals.has(path)) originals.set(path, text);
      await writeFile(path, applyEdit(text, edit));
    }
    for (const tests of caughtBy) {
      const { failed, broken } = await runTests(copy, tests);
      names.push(...failed.map((name) => `${tests.file}: ${name}`));
      if (broken !== null) problems.push(`${describe(tests)}: ${broken}`);
      else if (failed.length === 0) problems.push(`${describe(tests)} passed`);
    }
  } catch (error) {
    problems.push(String(error));
  } finally {
    for (const [path, text] of originals) await writeFile(path, text);
  }
  return { names, problems };
}

/** A test that fails anyway catches nothing. */
async function testsPassUnbroken(mutations: readonly Mutation[]): Promise<boolean> {
  const tests = new Map(
    mutations.flatMap(({ caughtBy }) => caughtBy.map((tests) => [describe(tests), tests] as const)),
  );
  let sound = true;
  for (const [description, named] of tests) {
    const { failed, broken } = await runTests(copy, named);
    const passes = failed.length === 0 && broken === null;
    sound &&= passes;
    console.log(passes ? `sound   ${description}` : `UNSOUND ${description}: ${broken ?? failed.join(', ')}`);
  }
  return sound;
}

function describe({ file, test }: CaughtBy): string {
  return test === undefined ? file : `${file} ("${test}")`;
}

/** For the table: of each file the first test that failed, and how many more did. */
function shortened(names: readonly string[]): string {
  const byFile = new Map<string, string[]>();
  for (const name of names) {
    const [file = '', ...title] = name.split(': ');
    byFile.set(file, [...(byFile.get(file) ?? []), title.join(': ')]);
  }
  const lines = [...byFile].map(([file, titles]) => {
    const more = titles.length > 1 ? `, and ${titles.length - 1} more` : '';
    return `\`${file.replace('test/', '')}\`: ${titles[0]}${more}`;
  });
  return lines.join('<br>') || '**nothing**';
}

async function copyOfTheRepository(): Promise<string> {
  const root = process.cwd();
  const directory = await mkdtemp(join(tmpdir(), 'tidings-mutate-'));
  for (const name of await readdir(root)) {
    if (!NOT_COPIED.has(name)) await cp(join(root, name), join(directory, name), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}
