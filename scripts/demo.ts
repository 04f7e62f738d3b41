/**
 * The walk of `./install.sh --demo`: the Getting Started of the documents with the project of examples/shop, every answer
 * compared with what is documented. install.sh has built dist/cyme, started a broker, and cleans up whatever happens.
 * Wants CYME_BROKER, DEMO_PYTHON (which has Celery), DEMO_PORT (free) and TMPDIR (a folder of the demo's own).
 */
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
const SHOP = join(ROOT, "examples/shop");
const DIST = join(ROOT, "dist");
const CALL_MS = 100_000;

const wanted = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this is a part of ./install.sh --demo`);
  return value;
};
const broker = wanted("CYME_BROKER");
const python = wanted("DEMO_PYTHON");
const port = wanted("DEMO_PORT");
const home = wanted("TMPDIR");
const url = `http://localhost:${port}`;

/** Without what the user's own environment says to Cyme, Celery and curl. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CYME|CELERY|DEMO)_|_proxy$/i.test(name))),
  PATH: `${DIST}:${process.env["PATH"]}`,
  CYME_URL: url,
};

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const isTerminal = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const bold = (text: string) => (isTerminal ? `\u001b[1m${text}\u001b[22m` : text);
const print = (text: string) => process.stdout.write(`${text}\n`);

let stepsDone = 0;

/** Begins a step of the walk. */
function step(title: string): void {
  stepsDone += 1;
  print(`\n${bold(`${stepsDone}. ${title}`)}`);
}

/** As a person would type it in a shell. */
function typed(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** Runs a command that ends by itself, showing it; gives what it wrote to standard output. Throws where it fails. */
async function run(argv: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const variables = Object.keys(options.env ?? {}).map((name) => `${name}=$${name} `);
  print(bold(`$ ${variables.join("")}${typed(argv)}`));
  const child = Bun.spawn([...argv], {
    cwd: options.cwd ?? home,
    env: { ...env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: CALL_MS,
  });
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${argv[0]} ended with ${code}: ${errors || out}`);
  return out;
}

/** Whether `got` has all that `want` says; objects may have more fields, since answers may grow. */
function has(got: Json | undefined, want: Json): boolean {
  if (!isObject(want)) return Bun.deepEquals(got, want);
  return isObject(got) && Object.entries(want).every(([key, value]) => has(got[key], value));
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(got: Json, want: Json): void {
  if (!has(got, want)) {
    throw new Error(`Documented is the answer ${JSON.stringify(want)}, this one is ${JSON.stringify(got)}`);
  }
}

/** One call with curl, as in the documents; `data` are its -d parameters. Gives the answer's body, checked. */
async function curl(method: string, path: string, data: readonly string[], status: number, want: Json): Promise<Json> {
  const answer = await run(["curl", "-sS", "-X", method, "-i", `${url}${path}`, ...data.flatMap((d) => ["-d", d])]);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const [statusLine = ""] = head.split("\r\n");
  print(`${statusLine}\n${shortened(body)}`);
  if (Number(statusLine.split(" ")[1]) !== status)
    throw new Error(`Documented is status ${status}, this is ${statusLine}`);
  const got = JSON.parse(body) as Json;
  check(got, want);
  return got;
}

/** One command of `cyme`: shown as people see it, compared as programs do. */
async function cyme(args: readonly string[], want: Json): Promise<void> {
  const shown = await run(["cyme", ...args]);
  print(shortened(shown));
  const child = Bun.spawn(["cyme", "-F", "json", ...args], { cwd: home, env, stdin: "ignore", timeout: CALL_MS });
  check(JSON.parse(await new Response(child.stdout).text()) as Json, want);
}

function shortened(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.length <= 700 ? trimmed : `${trimmed.slice(0, 700)} … (${trimmed.length} characters)`;
}

/** Asks until the branch answers, or has ended. */
async function untilUp(daemon: Bun.Subprocess): Promise<void> {
  const deadlineMs = Date.now() + 20_000;
  while (Date.now() < deadlineMs && daemon.exitCode === null) {
    const isUp = await fetch(`${url}/ping/`, { signal: AbortSignal.timeout(2000) }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await Bun.sleep(50);
  }
  throw new Error(daemon.exitCode === null ? "The branch does not answer" : `The branch ended with ${daemon.exitCode}`);
}

async function walk(daemon: Bun.Subprocess): Promise<void> {
  await untilUp(daemon);
  await curl("GET", "/ping/", [], 200, { ok: "pong" });

  step("Create an application");
  const { hostname, port: brokerPort } = new URL(broker.replace("amqp:", "http:"));
  await curl("POST", "/foo/", [], 201, {
    name: "foo",
    broker: { hostname, port: Number(brokerPort), userid: "guest", password: "guest", virtual_host: "/" },
  });

  step("Create a worker instance that runs the Celery project of examples/shop");
  const added = await curl("PUT", "/foo/instances/", ["arguments=-A shop", `cwd=${SHOP}`], 201, {
    is_enabled: true,
    queues: [],
    broker: { hostname, userid: "guest", virtual_host: "/" },
    max_concurrency: 1,
    min_concurrency: 1,
  });
  const name = isObject(added) ? added["name"] : undefined;
  if (typeof name !== "string") throw new Error("The new instance has no name");
  await curl("GET", "/foo/instances/", [], 200, [name]);
  await cyme(["-a", "foo", "instances.get", name], { name, state: "running", branch: "branch1" });

  step("Declare a queue");
  await curl("POST", "/foo/queues/tasks/", ["exchange=tasks", "routing_key=tasks"], 201, {
    name: "tasks",
    exchange: "tasks",
    routing_key: "tasks",
  });
  await curl("GET", "/foo/queues/", [], 200, ["tasks"]);

  step("Make the instance consume from it");
  await curl("PUT", `/foo/instances/${name}/queues/tasks`, [], 201, { ok: "ok" });

  step("Send tasks, from a Python program, and see their results");
  const order = { lines: [{ price: 1250, quantity: 2 }, { price: 500 }], discount: 10 };
  await send(["shop.tasks.add", "2", "3"], 5);
  await send(["shop.tasks.total", JSON.stringify(order)], 2700);

  step("Queue a URL: a worker performs the request, and the answer is the result");
  await queueUrl();

  step("Scale the instance");
  await curl("GET", `/foo/instance/${name}/autoscale/`, [], 200, { max: 1, min: 1 });
  await curl("POST", `/foo/instance/${name}/autoscale/`, ["max=3", "min=2"], 200, { max: 3, min: 2 });

  step("Look at what the worker says of itself");
  await curl("GET", `/foo/instance/${name}/stats/`, [], 200, {
    total: { "shop.tasks.add": 1, "shop.tasks.total": 1, "cyme.tasks.webhook": 1 },
    autoscaler: { max: 3, min: 2 },
  });

  step("The same from the command line");
  await cyme(["branches"], ["branch1"]);
  await cyme(["-a", "foo", "instances.autoscale", name], { max: 3, min: 2 });
  await cyme(["-a", "foo", "consumers", name], { tasks: { name: "tasks" } });

  step("Clean up");
  await curl("DELETE", `/foo/instances/${name}/queues/tasks`, [], 200, { ok: "ok" });
  await curl("DELETE", "/foo/queues/tasks/", [], 200, { ok: "ok" });
  await curl("DELETE", `/instances/${name}/`, [], 200, { ok: "ok" });
  await cyme(["-a", "foo", "instances"], []);
  await curl("DELETE", "/foo/", [], 200, { ok: "ok" });
  await curl("GET", "/", [], 200, []);

  step("Stop the branch");
  await curl("DELETE", "/branches/branch1/", [], 202, {});
  const code = await daemon.exited;
  if (code !== 0) throw new Error(`The branch ended with ${code}`);
  print("It has ended.");
}

/** The web server that the documents call `m`: it imports users. */
function importer(): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.method !== "POST" || pathname !== "/import_user") return new Response("no", { status: 404 });
      const user = new URLSearchParams(await request.text());
      return new Response(`Imported ${user.get("username")} of ${user.get("company")}`);
    },
  });
}

async function queueUrl(): Promise<void> {
  const web = importer();
  try {
    const target = `http://127.0.0.1:${web.port}/import_user`;
    const user = ["username=George Costanza", "company=Vandelay Industries"];
    const queued = await curl("POST", `/foo/queue/tasks/${target}`, user, 202, {
      url: target,
      queue: "tasks",
      method: "POST",
      data: user.join("&"),
    });
    const uuid = isObject(queued) ? queued["uuid"] : undefined;
    if (typeof uuid !== "string") throw new Error("The task has no uuid");
    const result = { status_code: 200, url: target, content: "Imported George Costanza of Vandelay Industries" };
    await curl("GET", `/foo/query/${uuid}/wait/`, [], 200, { result });
    await curl("GET", `/foo/query/${uuid}/state/`, [], 200, { state: "SUCCESS" });
    await cyme(["-a", "foo", "tasks.result", uuid], { result });
  } finally {
    await web.stop(true);
  }
}

/** Sends a task with examples/shop/send.py and compares its result. */
async function send(task: readonly string[], want: number): Promise<void> {
  const out = await run([python, "send.py", "tasks", ...task], { cwd: SHOP, env: { CELERY_BROKER_URL: broker } });
  print(out.trimEnd());
  check(JSON.parse(out) as Json, want);
}

const logFile = join(home, "branch.log");
await mkdir(join(home, "cyme"));
step("Start a branch");
const start = ["cyme-branch", `:${port}`, "-i", "branch1", "-D", "cyme/branch1/", "--command", `${python} -m celery`];
print(bold(`$ CYME_BROKER=$CYME_BROKER ${typed(start)} &`));
const log = openSync(logFile, "a");
const daemon = Bun.spawn(start, {
  cwd: home,
  env: { ...env, CYME_BROKER: broker },
  stdin: "ignore",
  stdout: log,
  stderr: log,
});
closeSync(log);
try {
  await walk(daemon);
  print(`\n${bold("All answers are as documented.")}`);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(`The log of the branch:\n${(await readFile(logFile, "utf8")).slice(-4000)}\n`);
  process.exitCode = 1;
} finally {
  daemon.kill("SIGTERM");
}
