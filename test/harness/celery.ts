import { existsSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const SEND_TASK = resolve(import.meta.dir, "send_task.py");

/** A Celery that is installed on this machine. */
export interface Celery {
  /** "5.2" is Debian's package, "newest" the latest release, in a virtual environment of its own. */
  readonly name: "5.2" | "newest";
  readonly version: string;
  /** As given to `cyme branch --command`. */
  readonly command: string;
  readonly python: string;
}

const PYTHONS: readonly { name: Celery["name"]; python: string }[] = [
  { name: "5.2", python: "/usr/bin/python3" },
  { name: "newest", python: resolve(ROOT, ".cache/celery/bin/python") },
];

let found: readonly Celery[] | undefined;

/**
 * The Celeries that are there, for `describe.each`: Debian's, and the newest where scripts/setup.sh could fetch it.
 * Throws where there is none.
 */
export function celeries(): readonly Celery[] {
  found ??= PYTHONS.flatMap(({ name, python }) => {
    const version = versionOf(python);
    return version === undefined ? [] : [{ name, version, python, command: `${python} -m celery` }];
  });
  if (found.length === 0) throw new Error("No Celery is installed: run sh scripts/setup.sh test");
  return found;
}

/** The Celery for tests that need only one: Debian's where it is there. */
export function anyCelery(): Celery {
  const [first] = celeries();
  if (first === undefined) throw new Error("unreachable: celeries() is never empty");
  return first;
}

function versionOf(python: string): string | undefined {
  if (!existsSync(python)) return undefined;
  const { exitCode, stdout } = Bun.spawnSync([python, "-c", "import celery; print(celery.__version__)"]);
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** What each worker that answered said, by node name. */
export type Replies = Record<string, unknown>;

/**
 * Celery's own `celery inspect <method> --json`: an opinion on the workers that does not come from Cyme. Waits `timeoutS`
 * (1 s) for answers; nobody answering gives {}. `destination` are node names.
 */
export async function inspect(
  celery: Celery,
  brokerUrl: string,
  method: string,
  options: { destination?: readonly string[]; timeoutS?: number } = {},
): Promise<Replies> {
  const { destination, timeoutS = 1 } = options;
  const args = ["-b", brokerUrl, "inspect", method, "--json", "--timeout", String(timeoutS)];
  if (destination) args.push("--destination", destination.join(","));
  const process = Bun.spawn([celery.python, "-m", "celery", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ]);
  // EX_UNAVAILABLE: no worker answered.
  if (code === 69) return {};
  if (code !== 0) throw new Error(`celery inspect ${method} failed with ${code}: ${errors || out}`);
  return JSON.parse(out) as Replies;
}

/** The work to send: `task` is its name, `queue` where to. */
export interface Work {
  readonly task: string;
  readonly queue: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Record<string, unknown>;
}

/** A task that was sent, and the process which waits for its result. */
export interface SentTask extends AsyncDisposable {
  readonly id: string;
  /** Its return value. Rejects with what the task raised, or once it is late. */
  readonly result: Promise<unknown>;
}

/** Sends a task as a Python program of the user would, with results over rpc://, and waits `timeoutMs` (30 s) for its result. */
export async function sendTask(
  celery: Celery,
  brokerUrl: string,
  work: Work,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): Promise<SentTask> {
  const process = Bun.spawn([celery.python, SEND_TASK], {
    stdin: new Blob([JSON.stringify({ ...work, broker: brokerUrl, timeout: timeoutMs / 1000 })]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = new Response(process.stderr).text();
  const lines = linesOf(process.stdout);
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`Sending ${work.task} to ${work.queue} failed: ${(await errors).trim()}`);
    return value;
  };
  const id = await next();
  const result = next().then((line) => {
    const answer = JSON.parse(line) as { result: unknown } | { error: string };
    if ("error" in answer) throw new Error(`${work.task} ${id}: ${answer.error}`);
    return answer.result;
  });
  // Who sends without waiting for the result is not to fail by it.
  result.catch(() => undefined);
  return {
    id,
    result,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
