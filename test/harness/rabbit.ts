import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { alive } from "./processes.ts";
import { until } from "./wait.ts";

const BROKER_SCRIPT = resolve(import.meta.dir, "../../scripts/broker.sh");
const START_MS = 100_000;
const PAUSED_MS = 5_000;

/** A private RabbitMQ. Ports and data stay the same over stop, kill and start. */
export interface Rabbit extends AsyncDisposable {
  /** As guest, for the virtual host `/`. */
  readonly url: string;
  readonly port: number;
  /** Orderly: connections are closed, what is durable is kept. */
  stop(): Promise<void>;
  /** Returns once it answers AMQP. */
  start(): Promise<void>;
  /** kill -9: no connection is told. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** rabbitmqctl for this broker, which takes a second; gives its output, throws with its words when it fails. */
  ctl(...args: string[]): Promise<string>;
  /** Has the broker evaluate Erlang expressions, separated by commas; gives its value as Erlang prints it, throws with its words when it fails. */
  evaluate(expressions: string): Promise<string>;
  /** Whether it takes it that it is short of memory, and then accepts no messages. */
  setShortOfMemory(isShort: boolean): Promise<void>;
  /** Makes `vhost` where it is missing, and a user with all rights on it; gives the URL for both. */
  addUser(name: string, password: string, vhost: string): Promise<string>;
}

/** Returns once all threads of the process stand still: some of them answer for a moment after the signal. */
function stop(pid: number): void {
  process.kill(pid, "SIGSTOP");
  const isStill = (thread: string) => stateOf(`/proc/${pid}/task/${thread}/stat`) === "T";
  const untilMs = Date.now() + PAUSED_MS;
  while (!readdirSync(`/proc/${pid}/task`).every(isStill)) {
    if (Date.now() > untilMs) throw new Error(`RabbitMQ (pid ${pid}) did not stop within ${PAUSED_MS} ms`);
    Bun.sleepSync(1);
  }
}

/** The state in a /proc stat file; undefined once the thread has ended. */
function stateOf(path: string): string | undefined {
  try {
    return /\) (\w) /.exec(readFileSync(path, "latin1"))?.[1];
  } catch {
    return undefined;
  }
}

/** A virtual host of its own, so that test files on one broker do not meet. */
export interface Vhost extends AsyncDisposable {
  readonly url: string;
  readonly vhost: string;
  drop(): Promise<void>;
}

/** A new virtual host on the shared broker. */
export async function freshVhost(): Promise<Vhost> {
  const { url, evaluate } = await shared();
  const vhost = `t-${crypto.randomUUID()}`;
  await evaluate(`${addVhost(vhost)}, ${setPermissions("guest", vhost)}`);
  const drop = async () => {
    await evaluate(`ok = rabbit_vhost:delete(${binary(vhost)}, <<"test">>)`);
  };
  return { url: withVhost(url, vhost), vhost, drop, [Symbol.asyncDispose]: drop };
}

/** Text as Erlang writes a binary, by its bytes, so that no character means anything. */
const binary = (text: string) => `<<${Buffer.from(text).join(",")}>>`;

const addVhost = (vhost: string) => `ok = rabbit_vhost:add(${binary(vhost)}, <<"test">>)`;

const setPermissions = (user: string, vhost: string) =>
  `ok = rabbit_auth_backend_internal:set_permissions(${binary(user)}, ${binary(vhost)}, <<".*">>, <<".*">>, <<".*">>, <<"test">>)`;

/** A RabbitMQ for the caller alone, which may stop, kill or freeze it. Starting takes some ten seconds: one for a file, not for a test. */
export async function startRabbit(): Promise<Rabbit> {
  const directory = await mkdtemp(join(tmpdir(), "cyme-rabbit-"));
  let running = await launch(directory);
  const { url } = running;
  const rabbit: Rabbit = {
    url,
    port: Number(new URL(url).port),
    async stop() {
      running.script.kill("SIGTERM");
      await running.script.exited;
    },
    async start() {
      if (running.script.exitCode === null) return;
      running = await launch(directory);
    },
    async kill() {
      process.kill(running.brokerPid, "SIGKILL");
      await running.script.exited;
    },
    pause: () => stop(running.brokerPid),
    resume: () => void process.kill(running.brokerPid, "SIGCONT"),
    ctl: (...args) => ctlIn(directory, args),
    evaluate: (expressions) => evaluateIn(directory, expressions),
    async setShortOfMemory(isShort) {
      await rabbit.evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${isShort ? "{absolute, 1}" : "0.8"})`);
    },
    async addUser(name, password, vhost) {
      const add = `ok = rabbit_auth_backend_internal:add_user(${binary(name)}, ${binary(password)}, <<"test">>)`;
      const isThere = await rabbit.evaluate(`rabbit_vhost:exists(${binary(vhost)})`);
      if (isThere === "false") await rabbit.evaluate(addVhost(vhost));
      await rabbit.evaluate(`${add}, ${setPermissions(name, vhost)}`);
      const login = `${encodeURIComponent(name)}:${encodeURIComponent(password)}`;
      return withVhost(url.replace("guest:guest", login), vhost);
    },
    async [Symbol.asyncDispose]() {
      await rabbit.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return rabbit;
}

interface Running {
  readonly script: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly url: string;
  readonly brokerPid: number;
}

/** Starts the script and waits for the URL that it prints. Its standard input is our pipe: when we end, so does the broker. */
async function launch(directory: string): Promise<Running> {
  // Detached: a Ctrl-C at the terminal is for the tests, and the broker goes with them.
  const script = Bun.spawn(["sh", BROKER_SCRIPT, directory], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const timer = setTimeout(() => script.kill("SIGTERM"), START_MS);
  let printed = "";
  for await (const chunk of script.stdout) {
    printed += new TextDecoder().decode(chunk);
    if (printed.includes("\n")) break;
  }
  clearTimeout(timer);
  if (!printed.includes("\n")) {
    throw new Error(`RabbitMQ did not start in ${directory}: ${await new Response(script.stderr).text()}`);
  }
  script.unref();
  const brokerPid = Number(await until(() => Bun.file(join(directory, "pid")).text(), { what: "the broker's pid" }));
  if (!alive(brokerPid)) throw new Error(`RabbitMQ in ${directory} ended at once`);
  return { script, url: printed.trim(), brokerPid };
}

async function ctlIn(directory: string, args: string[]): Promise<string> {
  const ctl = Bun.spawn(["sh", join(directory, "ctl"), ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, errors, code] = await Promise.all([
    new Response(ctl.stdout).text(),
    new Response(ctl.stderr).text(),
    ctl.exited,
  ]);
  if (code !== 0) throw new Error(`rabbitmqctl ${args[0]} failed with ${code}: ${errors || out}`);
  return out;
}

async function evaluateIn(directory: string, expressions: string): Promise<string> {
  const call = Bun.spawn(["sh", join(directory, "eval")], {
    stdin: Buffer.from(`${expressions}.\n`),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors, code] = await Promise.all([
    new Response(call.stdout).text(),
    new Response(call.stderr).text(),
    call.exited,
  ]);
  const value = /^\{ok, (.*)\}\s*$/s.exec(out)?.[1];
  if (code !== 0 || value === undefined) throw new Error(`RabbitMQ did not evaluate ${expressions}: ${errors}${out}`);
  return value;
}

type Shared = Pick<Rabbit, "url" | "evaluate">;

let started: Promise<Shared> | undefined;

/**
 * The broker that all test files of a run share: CYME_TEST_BROKER (`npm test` starts it), or one started for this process
 * alone, which ends with it.
 */
function shared(): Promise<Shared> {
  started ??= openShared();
  return started;
}

async function openShared(): Promise<Shared> {
  const { CYME_TEST_BROKER: url, CYME_TEST_BROKER_DIR: directory } = process.env;
  if (url === undefined) return startRabbit();
  if (directory === undefined) {
    throw new Error("CYME_TEST_BROKER is set but CYME_TEST_BROKER_DIR, the directory of that broker, is not");
  }
  return { url, evaluate: (expressions) => evaluateIn(directory, expressions) };
}

function withVhost(url: string, vhost: string): string {
  return `${url.slice(0, url.indexOf("/", "amqp://".length))}/${encodeURIComponent(vhost)}`;
}
