import type { ChildProcess } from 'node:child_process';

interface Question {
  readonly call: number;
  readonly method: string;
  readonly args: unknown[];
}

interface Answer {
  readonly answer: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** An interface whose methods are called in another process. */
export type Remote<Api> = {
  [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** Nothing in a benchmark takes longer; a load that never ends is a bug to be told of. */
const LIMIT_MS = 300_000;

/** Answers what the parent asks. Methods that are not here may be another's (see servers/probe.mjs). */
export function serve(api: object): void {
  // The probe has let it go; here it is what there is to do.
  process.channel?.ref();
  const methods = api as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  process.on('message', (message: Question) => {
    const { call, method, args } = message;
    if (typeof methods[method] !== 'function') return;
    void (async () => {
      let answer: Answer;
      try {
        answer = { answer: call, result: await methods[method]?.(...args) };
      } catch (error) {
        answer = {
          answer: call,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        };
      }
      process.send?.(answer);
    })();
  });
}

let calls = 0;

/** Calls the methods that a child serves. They reject when it fails, ends or takes too long. */
export function remote<Api extends object>(child: ChildProcess, name: string): Remote<Api> {
  const call = (method: string, args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++calls;
      const done = (): void => {
        clearTimeout(timer);
        child.off('message', onMessage);
        child.off('exit', onExit);
      };
      const onMessage = (message: Answer): void => {
        if (message.answer !== id) return;
        done();
        if (message.error === undefined) resolve(message.result);
        else reject(new Error(`${name}: ${message.error}`));
      };
      const onExit = (): void => {
        done();
        reject(new Error(`${name} ended during ${method}`));
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${name} did not answer ${method} within ${LIMIT_MS} ms`));
      }, LIMIT_MS);
      child.on('message', onMessage);
      child.on('exit', onExit);
      if (child.connected) child.send({ call: id, method, args } satisfies Question);
      else onExit();
    });
  return new Proxy({} as Remote<Api>, {
    get: (_, method) => (method === 'then' ? undefined : (...args: unknown[]) => call(String(method), args)),
  });
}
