/** What V8's sampling profiler records; see https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A name and its share of the time in which the process did anything. */
export type Share = readonly [name: string, share: number];

/** Where the time went. */
export interface ProfileSummary {
  /** How busy the process was, 0 to 1. */
  readonly busy: number;
  /** By package or stage; what Node itself does counts for whoever called it. */
  readonly owners: readonly Share[];
  /** Time in the function itself. */
  readonly functions: readonly Share[];
}

const OWN = /\/dist\/(?:([a-z]+)\/)?([^/]+)\.js$/;
const MODULE = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g;

export function summarize(profile: CpuProfile): ProfileSummary {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])),
  );
  const owners = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  let idle = 0;
  /** What the recorder itself takes to begin and to end. */
  const isRecording = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      if (nodes.get(at)?.callFrame.url.endsWith('/probe.mjs')) return true;
    }
    return false;
  };
  profile.samples.forEach((id, index) => {
    const time = profile.timeDeltas[index] ?? 0;
    const frame = nodes.get(id)?.callFrame;
    if (!frame) return;
    if (isRecording(id)) return;
    total += time;
    if (frame.functionName === '(idle)') {
      idle += time;
      return;
    }
    let owner: string | null = null;
    for (let at: number | undefined = id; at !== undefined && owner === null; at = parents.get(at)) {
      owner = ownerOf(nodes.get(at)?.callFrame);
    }
    add(owners, owner ?? 'Node, called by the event loop', time);
    const place = frame.url === '' ? '' : ` ${shorten(frame.url)}:${frame.lineNumber + 1}`;
    add(functions, `${frame.functionName || '(anonymous)'}${place}`, time);
  });
  const shares = (times: Map<string, number>, most: number): Share[] =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, time]) => [name, time / (total - idle)]);
  return { busy: (total - idle) / total, owners: shares(owners, 16), functions: shares(functions, 30) };
}

function ownerOf(frame: { functionName: string; url: string } | undefined): string | null {
  if (frame === undefined) return null;
  if (frame.functionName === '(garbage collector)') return 'garbage collector';
  // System calls and other native code below the event loop.
  if (frame.functionName === '(program)') return 'native code';
  const modules = [...frame.url.matchAll(MODULE)];
  if (modules.length > 0) return modules.at(-1)?.[1] ?? null;
  const own = OWN.exec(frame.url);
  if (own) return `Tidings ${own[1] ?? own[2]}`;
  return frame.url.includes('/bench/') ? 'baseline' : null;
}

function shorten(url: string): string {
  return url.includes('/node_modules/')
    ? url.replace(/^.*\/node_modules\//, '')
    : url.replace(/^.*\/(?=dist\/|bench\/)/, '');
}

function add(times: Map<string, number>, name: string, time: number): void {
  times.set(name, (times.get(name) ?? 0) + time);
}
