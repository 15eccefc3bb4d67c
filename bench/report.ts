/** One comparison of the report. */
export interface Row {
  readonly part: string;
  readonly what: string;
  readonly unit: string;
  readonly tidings: number;
  readonly against: string;
  readonly baseline: number;
  /** Of Tidings to the baseline; `null`: only to be known. */
  readonly target: { readonly atLeast: number } | { readonly atMost: number } | null;
}

const HEADS = ['', 'measured', 'unit', 'Tidings', 'against', 'it makes', 'ratio', 'target', ''];
const NUMERIC = new Set([3, 5, 6, 7]);

/** The rows as a Markdown table that also reads well in a terminal. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    `(${row.part})`,
    row.what,
    row.unit,
    format(row.tidings),
    row.against,
    format(row.baseline),
    (row.tidings / row.baseline).toFixed(2),
    describeTarget(row),
    verdict(row),
  ]);
  return markdown(HEADS, lines, NUMERIC);
}

/** Any table, padded. */
export function markdown(heads: string[], lines: string[][], numeric: ReadonlySet<number>): string {
  const widths = heads.map((head, column) =>
    Math.max(3, head.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const pad = (text: string, column: number): string =>
    numeric.has(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  const print = (cells: string[]): string => `| ${cells.map(pad).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    numeric.has(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [print(heads), `| ${rule.join(' | ')} |`, ...lines.map(print)].join('\n');
}

export function isMet({ tidings, baseline, target }: Row): boolean {
  if (target === null) return true;
  const ratio = tidings / baseline;
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function format(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function describeTarget({ target }: Row): string {
  if (target === null) return '';
  return 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
}

function verdict(row: Row): string {
  if (row.target === null) return '';
  return isMet(row) ? 'met' : 'SHORT';
}
