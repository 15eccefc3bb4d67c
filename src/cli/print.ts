/** Prints a line of a command's output. */
export type Print = (line: string) => void;

export const say: Print = (line) => void process.stdout.write(`${line}\n`);
