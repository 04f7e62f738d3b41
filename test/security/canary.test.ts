import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { processes } from "../harness/processes.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { basic, bearer, logIn, type Brought } from "./people.ts";

/*
 * A branch lives: it is given secrets, its workers and its broker die and come back, people err. Afterwards each secret is looked
 * for wherever it may have come to lie, and is found only where it must be stored.
 */

const run = crypto.randomUUID().slice(0, 8);
const canary = (name: string) => `canary-${name}-${run}`;
/** Kept, since workers need them. */
const BROKER = canary("broker");
const APP_BROKER = canary("app-broker");
const ENV = canary("env");
const TASK = canary("task");
/** Never kept: what was refused, and what a hash is enough of. */
const REFUSED = canary("refused");
const PASSWORD = canary("password");
const WRONG = canary("wrong");

let rabbit: Rabbit;
let branch: Branch;
let admin: Brought;
let token: string;
let session: string;
/** The texts of all answers that were errors. */
const errors: string[] = [];

const ask = async (method: string, path: string, json?: object, headers: Brought = admin) => {
  const answer = await branch.api<Record<string, unknown>>(method, path, { ...(json && { json }), headers });
  if (answer.status >= 400) errors.push(JSON.stringify(answer.body), JSON.stringify([...answer.headers]));
  return answer;
};
const must = async (status: number, ...asked: Parameters<typeof ask>) => {
  const answer = await ask(...asked);
  expect([asked[1], answer.status, answer.status === status ? "" : answer.body]).toEqual([asked[1], status, ""]);
  return answer.body;
};
const web = () => ask("GET", "/shop/instances/web/").then(({ body }) => body);
const isRunning = async () => (await web())["state"] === "running";

beforeAll(async () => {
  rabbit = await startRabbit();
  const broker = await rabbit.addUser("keeper", BROKER, "life");
  const appBroker = await rabbit.addUser("shop", APP_BROKER, "life");
  branch = await startBranch({ broker, args: ["-l", "DEBUG", "--restart-max-rate", "100/m"] });
  ({ token } = (await branch.api<{ token: string }>("POST", "/api/tokens/root/", { json: { role: "admin" } })).body);
  admin = bearer(token);
  await must(201, "POST", "/api/users/ann/", { role: "admin", password: PASSWORD });
  session = await logIn(branch, "ann", PASSWORD);
  await beGiven(appBroker);
  await err(appBroker);
  await suffer();
}, 180_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rabbit[Symbol.asyncDispose]();
}, 60_000);

/** By body, query and form, as people do. */
async function beGiven(appBroker: string): Promise<void> {
  await must(201, "PUT", "/shop/", { broker: appBroker, env: { KEY: ENV }, stop_timeout: 1 });
  await must(200, "PUT", `/shop/?broker=${encodeURIComponent(appBroker)}`);
  await must(201, "PUT", "/shop/queues/t2/");
  await must(201, "PUT", "/shop/instances/web/", { pool: "solo", queues: ["t2"], env: { OWN: ENV } });
  const target = encodeURIComponent(`http://u:${TASK}@127.0.0.1:1/x`);
  const { uuid } = await must(202, "GET", `/shop/queue/t2/${target}`);
  await must(200, "GET", `/shop/query/${String(uuid)}/wait/`);
}

async function err(appBroker: string): Promise<void> {
  const refused = appBroker.replace(APP_BROKER, REFUSED);
  await must(409, "PUT", "/shop/", { broker: refused });
  await must(409, "PUT", "/shop/instances/web/", { broker: refused });
  for (const broker of [
    `amqp:/u:${REFUSED}@h`,
    `amqp://u:${REFUSED}/x@h`,
    `http://u:${REFUSED}@h`,
    `u:${REFUSED}@h`,
    REFUSED,
  ]) {
    await ask("PUT", "/shop/", { broker });
    await ask("PUT", `/shop/?hostname=${encodeURIComponent(`${broker}@h`)}&password=${REFUSED}&port=x`);
  }
  await must(400, "PUT", "/shop/", { env: { KEY: [REFUSED] } });
  await must(400, "PUT", "/shop/", { env: REFUSED });
  await must(400, "PUT", `/shop/?stop_timeout=x&env=${encodeURIComponent(JSON.stringify({ KEY: REFUSED }))}`);
  await must(400, "POST", "/api/users/bob/", { password: REFUSED, role: "none" });
  await must(400, "PUT", "/shop/", { arguments: `-b amqp://u:${REFUSED}@h` });
  await must(401, "GET", "/", undefined, basic("ann", WRONG));
  await must(401, "GET", "/", undefined, bearer(WRONG));
  await must(401, "POST", "/api/session/", { name: "ann", password: WRONG }, {});
  await must(400, "POST", `/api/session/?nmae=ann&password=${WRONG}`, undefined, {});
  await must(404, "GET", `/shop/queue/none/${encodeURIComponent(`http://u:${REFUSED}@h/`)}`);
  await must(400, "GET", `/shop/queue/t2/${encodeURIComponent(`ftp://u:${REFUSED}@h/`)}`);
}

/** The worker, the branch and the broker each die once. */
async function suffer(): Promise<void> {
  const { pid } = await web();
  process.kill(Number(pid), "SIGKILL");
  await until(async () => (await isRunning()) && (await web())["pid"] !== pid, {
    what: "another worker",
    timeoutMs: 30_000,
  });
  await branch.stop("SIGKILL");
  await branch.restart();
  await until(isRunning, { what: "the worker to be taken over", timeoutMs: 30_000 });
  await rabbit.stop();
  await ask("POST", "/shop/instances/web/restart/?timeout=1");
  await ask("PUT", "/shop/queues/t2/", { routing_key: "other" });
  await ask("GET", "/health/");
  await rabbit.start();
  await until(isRunning, { what: "the worker to be back", timeoutMs: 60_000 });
}

const SECRETS = [BROKER, APP_BROKER, ENV, TASK, REFUSED, PASSWORD, WRONG];
const found = (text: string): string[] => [...SECRETS, token, session].filter((secret) => text.includes(secret));

test("no error tells a secret, neither one that is kept nor one that was just given", () => {
  expect(errors.length).toBeGreaterThan(20);
  expect(errors.filter((text) => found(text).length > 0)).toEqual([]);
});

test("the log of the branch, down to DEBUG, holds none", async () => {
  const log = await branch.log();
  expect(log).toContain("DEBUG");
  expect(found(log)).toEqual([]);
});

test("the log of the worker holds none", () => {
  const log = readFileSync(join(branch.dir, "web", "worker.log"), "utf8");
  expect(log).toContain("ready");
  expect(found(log)).toEqual([]);
});

test("no process shows one to ps, and none is in the environment but of workers, where Celery takes it from", () => {
  const ours = processes().filter(({ pid }) => pid !== process.pid);
  expect(found(ours.map(({ command }) => command).join("\n"))).toEqual([]);
  const holding = ours.flatMap(({ pid }) => variablesOf(pid).filter((text) => found(text).length > 0));
  const names = [...new Set(holding.map((text) => text.split("=", 1)[0]))];
  // CYME_BROKER is how the branch was told: better than an argument, which ps shows.
  const wanted = [
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_URL",
    "CELERY_BROKER_WRITE_URL",
    "CYME_BROKER",
    "KEY",
    "OWN",
  ];
  expect(names.toSorted()).toEqual(wanted);
});

function variablesOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // It has ended, or is another user's.
  }
}

test("of the files of the branch the database alone holds any, and nobody else may read it", () => {
  const files = readdirSync(branch.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const holding = files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => {
      return found(readFileSync(file, "latin1")).length > 0;
    });
  expect(holding.map((file) => file.slice(branch.dir.length + 1).replace(/-(wal|shm)$/, ""))).toContain("branch.db");
  for (const file of holding) {
    expect(file).toMatch(/\/branch\.db(-wal|-shm)?$/);
    expect(statSync(file).mode & 0o077).toBe(0);
  }
});

test("the database holds what workers need, where it must, and of passwords and tokens a hash alone", () => {
  using database = new Database(join(branch.dir, "branch.db"), { readonly: true });
  const tables = database.query<{ name: string }, []>("select name from sqlite_master where type = 'table'").all();
  const places = tables.flatMap(({ name }) =>
    database
      .query<Record<string, unknown>, []>(`select * from "${name}"`)
      .all()
      .flatMap((row) => Object.entries(row))
      .flatMap(([column, value]) => found(String(value)).map((secret) => `${nameOf(secret)} in ${name}.${column}`)),
  );
  expect([...new Set(places)].toSorted()).toEqual(KEPT.toSorted());
});

const nameOf = (secret: string) => /^canary-(.*)-/.exec(secret)?.[1] ?? (secret === token ? "token" : "session");
const KEPT = [
  "app-broker in brokers.password",
  "broker in settings.value",
  "env in apps.env",
  "env in instances.env",
  "task in tasks.url",
];

test("what is told of the past holds none, to an admin either", async () => {
  for (const path of [
    "/api/audit/?limit=1000",
    "/shop/instances/web/history/",
    "/health/",
    "/openapi.json",
    "/api/users/",
    "/api/tokens/",
  ]) {
    const { status, body } = await ask("GET", path);
    const told = Array.isArray(body) ? body : [body];
    expect([path, status, told.filter((one) => found(JSON.stringify(one)).length > 0)]).toEqual([path, 200, []]);
  }
  const { body } = await branch.api<{ path: string; status: number }[]>("GET", "/api/audit/?limit=1000", {
    headers: admin,
  });
  expect(body).toContainEqual(expect.objectContaining({ path: "/api/session", status: 401 }));
  expect(body).toContainEqual(expect.objectContaining({ method: "PUT", path: "/shop", status: 409 }));
});

test("the page and its files hold none", async () => {
  const page = await (await fetch(`${branch.url}/admin/`)).text();
  const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, file = ""]) => new URL(file, `${branch.url}/admin/`),
  );
  expect(files.length).toBeGreaterThan(1);
  const texts = await Promise.all(files.map(async (file) => (await fetch(file)).text()));
  expect(found([page, ...texts].join("\n"))).toEqual([]);
});
