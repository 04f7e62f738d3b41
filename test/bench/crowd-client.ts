import { resolve } from "node:path";

export type CrowdRequest =
  | { readonly do: "grow"; readonly url: string; readonly total: number; readonly elsewhere: number }
  | { readonly do: "fill"; readonly app: string; readonly count: number }
  | { readonly do: "agree" }
  | { readonly do: "stop" };

export type CrowdAnswer = { readonly tookMs: number } | { readonly error: string };

/** A process with many branches; see crowd.ts. */
export interface Crowd extends AsyncDisposable {
  readonly pid: number;
  /** Gives the milliseconds that it took; one at a time. */
  ask(request: CrowdRequest): Promise<number>;
}

export function startCrowd(): Crowd {
  let settle: ((answer: CrowdAnswer) => void) | undefined;
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "crowd.ts")], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc: (message) => settle?.(message as CrowdAnswer),
    onExit: (_, code) => settle?.({ error: `the process ended with ${code}` }),
  });
  const ask = async (request: CrowdRequest) => {
    const { promise, resolve: answered } = Promise.withResolvers<CrowdAnswer>();
    settle = answered;
    child.send(request);
    const answer = await promise;
    if ("error" in answer) throw new Error(`The crowd could not ${request.do}: ${answer.error}`);
    return answer.tookMs;
  };
  return {
    pid: child.pid,
    ask,
    async [Symbol.asyncDispose]() {
      settle = undefined;
      child.send({ do: "stop" });
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await child.exited;
      clearTimeout(timer);
    },
  };
}
