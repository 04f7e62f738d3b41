import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, celeries, sendTask, type Celery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { PROJECT, asked, instanceOf, must, pidOf } from "./work.ts";

const SHOP = resolve(import.meta.dir, "../../examples/shop");

/** Runs a program to its end and gives what it printed. */
async function printed(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${errors}`);
  return out.trim();
}

/** A virtual environment in `folder` with that Celery and a module `only_here`, which nothing else on the machine has. */
async function makeVenv(folder: string, celery: Celery): Promise<{ python: string }> {
  const code = "import celery, os; print(os.path.dirname(os.path.dirname(celery.__file__)))";
  const packages = await printed([celery.python, "-c", code]);
  await printed([celery.python, "-m", "venv", "--without-pip", folder]);
  const python = join(folder, "bin/python");
  const site = await printed([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
  await writeFile(join(site, "celery.pth"), `${packages}\n`);
  await writeFile(join(site, "only_here.py"), `PRICE = 7\n`);
  return { python };
}

/** A project with a package of its own, settings of its own, and a module that only its environment has. */
async function makeProject(folder: string): Promise<void> {
  await mkdir(join(folder, "till"), { recursive: true });
  await writeFile(join(folder, "till/__init__.py"), "");
  await writeFile(join(folder, "till/settings.py"), 'result_backend = "rpc://"\nworker_prefetch_multiplier = 3\n');
  await writeFile(
    join(folder, "till/app.py"),
    `import os, sys
from celery import Celery
from only_here import PRICE

app = Celery("till")
app.config_from_object("till.settings")


@app.task(name="till.sell")
def sell(count):
    return {"price": PRICE * count, "prefix": sys.prefix, "cwd": os.getcwd(), "shop": os.environ.get("SHOP")}
`,
  );
}

describe.each(celeries())("a project in a virtual environment, on Celery $name", (celery) => {
  let home: string;
  let vhost: Vhost;
  let branch: Branch;
  let python: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "cyme-project-"));
    vhost = await freshVhost();
    ({ python } = await makeVenv(join(home, "a venv"), celery));
    await makeProject(join(home, "project"));
    // The branch itself has no Celery: all must come from the app.
    branch = await startBranch({ broker: vhost.url, celery: { ...celery, command: "/nowhere/celery" } });
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  test("runs by command, cwd, arguments and env alone", async () => {
    const parameters = {
      command: `'${python}' -m celery`,
      cwd: join(home, "project"),
      arguments: "-A till.app --loglevel DEBUG",
      env: { SHOP: "corner" },
    };
    await must(branch, 201, "POST", "/till/", parameters);
    await must(branch, 201, "POST", "/till/queues/sales/");
    await must(branch, 201, "POST", "/till/instances/desk/", { queues: ["sales"], max_concurrency: 2 });
    await using sent = await sendTask(celery, vhost.url, { task: "till.sell", queue: "sales", args: [3] });
    expect(await sent.result).toEqual({
      price: 21,
      prefix: join(home, "a venv"),
      cwd: join(home, "project"),
      shop: "corner",
    });
    const stats = await must(branch, 200, "GET", "/till/instances/desk/stats/");
    // The project's own multiplier stays: times two processes.
    expect(stats).toMatchObject({ autoscaler: { max: 2, min: 1 }, prefetch_count: 6 });
  }, 60_000);

  test("of the repository's examples runs the same way", async () => {
    const parameters = { command: celery.command, cwd: SHOP, arguments: "-A shop" };
    await must(branch, 201, "POST", "/shop/", parameters);
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/web/", { queues: ["orders"], pool: "threads" });
    const order = { lines: [{ price: 1250, quantity: 2 }, { price: 500 }], discount: 10 };
    await using sent = await sendTask(celery, vhost.url, { task: "shop.tasks.total", queue: "orders", args: [order] });
    expect(await sent.result).toBe(2700);
  }, 60_000);
});

describe("pools", () => {
  const celery = anyCelery();
  let vhost: Vhost;
  let branch: Branch;

  beforeAll(async () => {
    vhost = await freshVhost();
    branch = await startBranch({ broker: vhost.url, celery });
    await must(branch, 201, "POST", "/shop/", PROJECT);
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  interface Stats {
    readonly pid: number;
    readonly pool: { readonly "max-concurrency": number; readonly processes?: number[]; readonly threads?: number };
  }

  const statsOf = (name: string) => asked<Stats>(celery, vhost.url, branch, name, "stats");

  async function works(name: string): Promise<void> {
    await must(branch, 201, "POST", `/shop/queues/for-${name}/`);
    await must(branch, 201, "PUT", `/shop/instances/${name}/queues/for-${name}/`);
    await using sent = await sendTask(celery, vhost.url, { task: "work.add", queue: `for-${name}`, args: [2, 3] });
    expect(await sent.result).toBe(5);
  }

  test("processes is the old name of prefork: tasks run in processes of their own, scaled while it runs", async () => {
    await must(branch, 201, "POST", "/shop/instances/forks/", { pool: "processes", max_concurrency: 2 });
    expect(await instanceOf(branch, "forks")).toMatchObject({ pool: "prefork" });
    const before = await pidOf(branch, "forks");
    expect((await statsOf("forks"))?.pool.processes).not.toContain(before);
    await must(branch, 200, "POST", "/shop/instances/forks/autoscale/", { max: 2, min: 2 });
    expect(await pidOf(branch, "forks")).toBe(before);
    await works("forks");
  }, 60_000);

  test("threads runs with as many as max_concurrency says, and changes it by a restart", async () => {
    await must(branch, 201, "POST", "/shop/instances/threads/", { pool: "threads", max_concurrency: 2 });
    const before = await pidOf(branch, "threads");
    expect((await statsOf("threads"))?.pool).toMatchObject({ "max-concurrency": 2, threads: expect.any(Number) });
    await must(branch, 200, "POST", "/shop/instances/threads/autoscale/", { max: 4 });
    const stats = await statsOf("threads");
    expect(stats?.pool["max-concurrency"]).toBe(4);
    expect(stats?.pid).toBe(await pidOf(branch, "threads"));
    expect(stats?.pid).not.toBe(before);
    await works("threads");
  }, 60_000);

  test("solo works in the one process that it is, and takes no more than 1", async () => {
    const refused = await branch.api("POST", "/shop/instances/alone/", { json: { pool: "solo", max_concurrency: 2 } });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ error: "invalid" });
    await must(branch, 201, "POST", "/shop/instances/alone/", { pool: "solo" });
    const worker = await pidOf(branch, "alone");
    expect((await statsOf("alone"))?.pool.processes).toEqual([worker]);
    expect((await branch.workers()).filter(({ session }) => session === worker)).toHaveLength(1);
    await works("alone");
  }, 60_000);
});

// A socket's path may have 108 bytes.
describe.each([
  ["with a space and an apostrophe", "Ann's instances"],
  ["of more than 150 characters", `deep/${"instances-".repeat(15)}`],
])("an instance directory %s", (_, name) => {
  let home: string;
  let vhost: Vhost;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "cyme-dir-"));
    vhost = await freshVhost();
  }, 60_000);

  afterAll(async () => {
    await vhost.drop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  test("holds a branch and its workers like any other", async () => {
    const dir = join(home, name);
    await using branch = await startBranch({ broker: vhost.url, celery: anyCelery(), dir });
    await must(branch, 201, "POST", "/shop/");
    await must(branch, 201, "POST", "/shop/instances/web/", { pool: "solo" });
    const worker = await pidOf(branch, "web");
    const beside = await branch.cli("-L", "-D", dir, "-F", "json", "status");
    expect(JSON.parse(beside.stdout)).toMatchObject({ branch: { running: true }, instances: [{ pid: worker }] });
    await branch.restart();
    expect(await pidOf(branch, "web")).toBe(worker);
    expect(await Bun.file(join(dir, "web/worker.pid")).text()).toBe(`${worker}\n`);
    await must(branch, 200, "DELETE", "/shop/");
    await branch.expectNoLeftovers();
  }, 60_000);
});
