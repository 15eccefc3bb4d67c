import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const MODULES = 'node_modules/';

/**
 * Puts packages of a repository, and what they need, into a directory: what `npm install` would put there in these versions, and nothing else,
 * without its time. The files are hard links where the file system allows it.
 *
 * @param wanted The names, with the version or the range `^version` that the repository must have.
 * @throws {Error} if it has another version, or lacks a package.
 */
export function linkPackages(
  repository: string,
  directory: string,
  wanted: Readonly<Record<string, string>>,
): void {
  const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const paths = new Set<string>();
  const want = (from: string, name: string, optional: boolean): void => {
    const path = resolve(packages, from, name);
    if (path === null) {
      if (optional) return;
      throw new Error(`package-lock.json lacks ${name}, which ${from || 'a host'} needs.`);
    }
    if (paths.has(path)) return;
    paths.add(path);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = packages[path]!;
    for (const needed of Object.keys(dependencies ?? {})) want(path, needed, false);
    for (const needed of Object.keys(optionalDependencies ?? {})) want(path, needed, true);
    for (const needed of Object.keys(peerDependencies ?? {})) {
      if (!peerDependenciesMeta?.[needed]?.optional) want(path, needed, false);
    }
  };
  for (const [name, version] of Object.entries(wanted)) {
    want('', name, false);
    const locked = packages[`${MODULES}${name}`]!.version;
    if (version.replace('^', '') === locked) continue;
    throw new Error(
      `${name} is ${locked} in package-lock.json and ${version} in ${directory}: make them one.`,
    );
  }
  for (const path of paths) linkFiles(join(repository, path), join(directory, path));
}

/** The path of a package as a module in `from` finds it. */
function resolve(packages: Readonly<Record<string, Locked>>, from: string, name: string): string | null {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf(MODULES) - 1))) {
    const path = `${at}${at === '' ? '' : '/'}${MODULES}${name}`;
    if (path in packages) return path;
    if (at === '') return null;
  }
}

function linkFiles(from: string, to: string): void {
  let entries;
  try {
    entries = readdirSync(from, { withFileTypes: true });
  } catch (error) {
    // Of another platform.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  mkdirSync(to, { recursive: true });
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    // What is below it is a package of its own.
    if (entry.isDirectory() && entry.name !== 'node_modules') linkFiles(source, target);
    else if (entry.isFile()) linkFile(source, target);
  }
}

function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyFileSync(source, target);
  }
}
