/** Where a command's lines go. */
export type Print = (line: string) => void;

export const say: Print = (line) => void process.stdout.write(`${line}\n`);
