import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const EXAMPLES = readdirSync(join(PACKAGE, 'examples')).map((name) => `examples/${name}`);
const DOCUMENTS = ['.', 'docs', 'examples', ...EXAMPLES].flatMap((folder) =>
  readdirSync(join(PACKAGE, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

const FENCED = /^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2$/gm;
/** Of Markdown, and of the HTML in it. */
const LINKS = [/\]\(([^)\s]+)\)/g, /(?:src|srcset|href)="([^"\s]+)"/g];
const PATHS = /`((?:src|test)\/[^`\s*]+)`/g;
const SPECS = /`([^`\s*]+\.spec\.ts)`/g;

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of text.replace(FENCED, '').matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What this document names and does not exist. Links to elsewhere are not followed. */
function brokenIn(document: string, text: string): string[] {
  const prose = text.replace(FENCED, '');
  const targets = LINKS.flatMap((pattern) => [...prose.matchAll(pattern)].map(([, target]) => target!));
  const links = targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path, anchor] = target.split('#') as [string, string?];
    const file = path === '' ? document : join(dirname(document), path);
    if (path !== '' && !existsSync(join(PACKAGE, file))) return true;
    if (anchor === undefined || !file.endsWith('.md')) return false;
    const its = path === '' ? text : readFileSync(join(PACKAGE, file), 'utf8');
    return !anchorsOf(its).has(anchor);
  });
  const paths = [...prose.matchAll(PATHS)].map(([, path]) => path!);
  const specs = [...prose.matchAll(SPECS)].map(([, path]) => path!);
  return [
    ...links,
    ...paths.filter((path) => !existsSync(join(PACKAGE, path))),
    // Some pages leave out the folder `test`.
    ...specs.filter((path) => ![path, join('test', path)].some((each) => existsSync(join(PACKAGE, each)))),
  ];
}

describe('the documentation', () => {
  it.each(DOCUMENTS)('names nothing that does not exist: %s', (document) => {
    expect(brokenIn(document, readFileSync(join(PACKAGE, document), 'utf8'))).toEqual([]);
  });

  it('includes every page', () => {
    expect(DOCUMENTS).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/protocol.md']),
    );
  });

  it('is not accepted with a broken link, anchor or path', () => {
    const text = [
      '# One `two`',
      '[here](#one-two) [there](../README.md#guarantees) `src/index.ts` `e2e/links.spec.ts` [out](https://a.b/c#d)',
      '[a](#one) [b](missing.md) [c](../README.md#nothing) `src/missing.ts` `test/missing/` `e2e/missing.spec.ts`',
      '<img src="images/missing.png"> <img src="images/demo-light.png">',
      '```md',
      '[in code](missing-too.md)',
      '```',
    ].join('\n');
    expect(brokenIn('docs/made-up.md', text).sort()).toEqual(
      [
        '#one',
        'missing.md',
        '../README.md#nothing',
        'images/missing.png',
        'src/missing.ts',
        'test/missing/',
        'e2e/missing.spec.ts',
      ].sort(),
    );
  });
});
