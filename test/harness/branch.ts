import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { anyCelery, type Celery } from "./celery.ts";
import { processes, processesOf, type Process } from "./processes.ts";
import { until } from "./wait.ts";

/** The binary under test: CYME_TEST_BINARY, for who builds into another place, or else what the build made. */
export const BINARY = resolve(process.env["CYME_TEST_BINARY"] ?? resolve(import.meta.dir, "../../dist/cyme"));
const START_MS = 20_000;
const STOP_MS = 20_000;
// More than any call of the API takes by itself.
const CALL_MS = 120_000;

export interface BranchOptions {
  /** AMQP URL, handed over as CYME_BROKER. */
  readonly broker: string;
  /** Debian's without it. */
  readonly celery?: Celery;
  /** More arguments of `cyme branch`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The instance directory; without it a new one, which goes when the branch is disposed of. */
  readonly dir?: string;
  /** The program that starts it, with its arguments, such as `prlimit`. */
  readonly under?: readonly string[];
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, else the text. */
  readonly body: T;
}

interface Request {
  readonly query?: Record<string, string>;
  readonly form?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `cyme branch` of the built binary. Disposing of it ends it and every worker of its directory. */
export interface Branch extends AsyncDisposable {
  readonly id: string;
  /** Without a slash at the end. */
  readonly url: string;
  readonly dir: string;
  /** Of the daemon; another one after restart(). */
  readonly pid: number;
  api<T = unknown>(method: string, path: string, request?: Request): Promise<Answer<T>>;
  /** The command line, as a client of this branch. */
  cli(...args: string[]): Promise<Ran>;
  /** Ends the daemon and gives its exit code, null where a signal killed it. Workers stay. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Starts the daemon again as it was, ending it first where it still runs. */
  restart(): Promise<void>;
  /** What the daemon has written to standard output and error. */
  log(): Promise<string>;
  /** Every process that belongs to a worker of this branch. */
  workers(): Promise<Process[]>;
  /** Fails where workers are left; for the end of a test that has removed or stopped them all. */
  expectNoLeftovers(): Promise<void>;
}

/** Starts a branch on a free port and returns once it answers. */
export async function startBranch(options: BranchOptions): Promise<Branch> {
  if (!existsSync(BINARY)) throw new Error(`There is no ${BINARY}: run npm run build`);
  const home = await mkdtemp(join(tmpdir(), "cyme-branch-"));
  const dir = options.dir ?? join(home, "instances");
  const logFile = join(home, "branch.out");
  const port = await freePort();
  const id = `b${port}`;
  const url = `http://127.0.0.1:${port}`;
  const { command } = options.celery ?? anyCelery();
  const argv = [
    ...(options.under ?? []),
    BINARY,
    "branch",
    `127.0.0.1:${port}`,
    "-i",
    id,
    "-D",
    dir,
    "--command",
    command,
  ];
  const env = { ...process.env, CYME_BROKER: options.broker, ...options.env };

  const launch = async () => {
    const log = openSync(logFile, "a");
    const child = Bun.spawn([...argv, ...(options.args ?? [])], {
      cwd: home,
      env,
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    closeSync(log);
    try {
      await until(() => child.exitCode !== null || ping(url), { what: `${url} to answer`, timeoutMs: START_MS });
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    if (child.exitCode !== null) {
      throw new Error(`The branch ended with ${child.exitCode}: ${await readFile(logFile, "utf8")}`);
    }
    return child;
  };

  let daemon = await launch();
  const branch: Branch = {
    id,
    url,
    dir,
    get pid() {
      return daemon.pid;
    },
    api: (method, path, request = {}) => call(url, method, path, request),
    cli: (...args) => run([BINARY, ...args], { ...env, CYME_URL: url }),
    async stop(signal = "SIGTERM") {
      daemon.kill(signal);
      const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_MS);
      await daemon.exited;
      clearTimeout(timer);
      return daemon.signalCode === null ? daemon.exitCode : null;
    },
    async restart() {
      await branch.stop();
      daemon = await launch();
    },
    log: () => readFile(logFile, "utf8"),
    workers: () => workersOf(dir),
    async expectNoLeftovers() {
      const left = await workersOf(dir);
      if (left.length > 0) {
        throw new Error(`Left over in ${dir}: ${left.map((p) => `${p.pid} ${p.command}`).join("; ")}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await branch.stop();
      await until(async () => killAll(await workersOf(dir)), { what: `the workers of ${dir} to end` });
      await rm(home, { recursive: true, force: true });
    },
  };
  return branch;
}

async function ping(url: string): Promise<boolean> {
  const { ok } = await fetch(`${url}/ping/`, { signal: AbortSignal.timeout(2000) });
  return ok;
}

async function call<T>(url: string, method: string, path: string, request: Request): Promise<Answer<T>> {
  const { query, form, json, headers = {} } = request;
  const search = query ? `?${new URLSearchParams(query).toString()}` : "";
  const answer = await fetch(`${url}${path}${search}`, {
    method,
    headers: json === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(form && { body: new URLSearchParams(form) }),
    ...(json !== undefined && { body: JSON.stringify(json) }),
    redirect: "manual",
    signal: AbortSignal.timeout(CALL_MS),
  });
  const text = await answer.text();
  const isJson = text !== "" && answer.headers.get("content-type")?.startsWith("application/json");
  return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as T };
}

/** Runs a program to its end, in `cwd` where one is given. */
export async function run(argv: string[], env: Record<string, string | undefined>, cwd?: string): Promise<Ran> {
  const child = Bun.spawn(argv, {
    env,
    ...(cwd !== undefined && { cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** By their environment, and by the session of each worker.pid, should one have lost the variable. */
async function workersOf(dir: string): Promise<Process[]> {
  const sessions = new Set(await Promise.all((await folders(dir)).map((name) => workerPid(join(dir, name)))));
  const marked = new Set(processesOf(dir).map((p) => p.pid));
  return processes().filter((p) => marked.has(p.pid) || sessions.has(p.session));
}

async function folders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function workerPid(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, "worker.pid"), "utf8").catch(() => "");
  return text.trim() === "" ? undefined : Number(text);
}

/** Kills them and tells whether there were none. */
function killAll(left: Process[]): boolean {
  for (const { pid } of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  return left.length === 0;
}

/** A port that nobody listens on, below those that the system hands out for outgoing connections. */
export async function freePort(): Promise<number> {
  return until(
    async () => {
      const port = 10_240 + Math.floor(Math.random() * 20_000);
      return (await isListening(port)) ? false : port;
    },
    { what: "a free port" },
  );
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (listening: boolean) => {
      socket.destroy();
      done(listening);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
