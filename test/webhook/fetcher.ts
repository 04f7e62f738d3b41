import { resolve } from "node:path";
import type { WebhookPolicy } from "../../src/celery/webhook/install.ts";
import { parseWebhookAllow, type OwnAddress } from "../../src/domain/webhook.ts";

const SCRIPT = resolve(import.meta.dir, "fetch.py");
const MODULE_DIR = resolve(import.meta.dir, "../../src/celery/webhook");

export const OPEN: WebhookPolicy = { version: "1.2.3", allow: null, own: [] };

/** One request as the task performs it. */
interface Work {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
  readonly is_base64?: boolean;
  readonly policy?: WebhookPolicy;
  /** Instead of `policy`: the path of policy.json. */
  readonly policy_file?: string;
  /** For all of it, 20. */
  readonly seconds?: number;
  /** How many bytes of content there may be, 10 MiB. */
  readonly limit?: number;
}

interface Result {
  readonly status_code: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
  readonly is_base64: boolean;
}

interface Failure {
  readonly type: string;
  readonly message: string;
  readonly module: string;
  readonly traceback: string;
}

/** A Python process that performs requests, any number at a time. */
export interface Fetcher extends AsyncDisposable {
  /** The result; throws with what was raised where there is none. */
  fetch(work: Work): Promise<Result>;
  /** What the request raised; throws where it did not. */
  failure(work: Work): Promise<Failure>;
}

interface Answer {
  readonly id: number;
  readonly result?: Result;
  readonly error?: Failure;
}

export function startFetcher(python: string, env: Readonly<Record<string, string>> = {}): Fetcher {
  const child = Bun.spawn([python, SCRIPT, MODULE_DIR], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    // A proxy that nobody listens at: requests are not to ask it.
    env: {
      ...process.env,
      http_proxy: "http://127.0.0.1:1",
      https_proxy: "http://127.0.0.1:1",
      PYTHONDONTWRITEBYTECODE: "1",
      ...env,
    },
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  void read(child.stdout, (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let last = 0;
  const ask = (work: Work): Promise<Answer> => {
    const id = ++last;
    const answered = new Promise<Answer>((done) => waiting.set(id, done));
    child.stdin.write(`${JSON.stringify({ policy: OPEN, ...work, id })}\n`);
    void child.stdin.flush();
    return answered;
  };
  return {
    async fetch(work) {
      const { result, error } = await ask(work);
      if (result === undefined) throw new Error(`${error?.type}: ${error?.message}\n${error?.traceback}`);
      return result;
    },
    async failure(work) {
      const { result, error } = await ask(work);
      if (error === undefined) throw new Error(`Wanted a failure, got ${JSON.stringify(result)}`);
      return error;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function read(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
}

/** What URL tasks may reach, as a branch writes it. */
export const policyOf = (allow: readonly string[] = [], own: readonly OwnAddress[] = []): WebhookPolicy => ({
  version: "1",
  allow: parseWebhookAllow("--webhook-allow", allow),
  own,
});
