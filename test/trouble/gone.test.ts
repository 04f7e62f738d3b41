import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { historyOf, must, pidOf, untilInstance } from "../lifecycle/work.ts";

/* What a branch keeps on the disk is removed while it runs, and put back. */

let vhost: Vhost;
let home: string;
let branch: Branch;
let logFile: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-gone-"));
  await mkdir(join(home, "logs"));
  logFile = join(home, "logs/branch.log");
  const args = ["--sup-interval", "1", "-f", logFile];
  branch = await startBranch({ broker: vhost.url, dir: join(home, "instances"), args });
  await must(branch, 201, "PUT", "/shop/", { stop_timeout: 1 });
  await must(branch, 201, "PUT", "/shop/instances/web/", { pool: "solo" });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 30_000);

interface Health {
  readonly state: string;
  readonly store: { state: string; why?: string };
}
const health = async () => (await branch.api<Health>("GET", "/health/")).body;
const isWell = async () => (await health()).state === "ok";

describe("an instance directory that is removed under its branch", () => {
  let web: number;

  beforeAll(async () => {
    web = await pidOf(branch, "web");
    renameSync(branch.dir, `${branch.dir}.away`);
  });

  test("is told in the health, and each change is refused with 503 as not stored", async () => {
    expect(await health()).toMatchObject({
      state: "failed",
      store: { state: "failed", why: expect.stringContaining(`${branch.dir}/branch.db is gone: put it back`) },
    });
    const { status, body } = await branch.api("PUT", "/more/");
    expect([status, body]).toEqual([
      503,
      expect.objectContaining({ error: "unavailable", stored: false, nok: expect.stringContaining("is gone") }),
    ]);
  });

  test("costs no worker", async () => {
    expect(alive(web)).toBe(true);
    expect(await pidOf(branch, "web")).toBe(web);
  });

  test("that is put back is used again, with all that was there, also by those who come over the socket", async () => {
    renameSync(`${branch.dir}.away`, branch.dir);
    await until(isWell, { what: "a good health" });
    await must(branch, 201, "PUT", "/more/");
    const { code, stdout } = await branch.cli("-L", "-D", branch.dir, "apps", "-F", "json");
    expect([code, stdout]).toEqual([0, '["more","shop"]\n']);
    expect(await pidOf(branch, "web")).toBe(web);
    expect((await historyOf(branch, "web")).map(({ did }) => did)).toEqual(["started"]);
  });
});

test("a database that was replaced by another one is told, and the branch that is started again uses that one", async () => {
  const database = join(branch.dir, "branch.db");
  const web = await pidOf(branch, "web");
  using opened = new Database(database);
  opened.run("VACUUM INTO ?", [`${database}.copy`]);
  renameSync(`${database}.copy`, database);
  expect((await health()).store.why).toContain("was replaced by another file: start the branch again");
  expect((await branch.api("PUT", "/lost/")).status).toBe(503);
  await branch.restart();
  expect(await isWell()).toBe(true);
  await untilInstance(branch, "web", "running", ({ state, pid }) => state === "running" && pid === web);
}, 30_000);

test("a socket that was removed is made again", async () => {
  const socket = join(branch.dir, "branch.sock");
  rmSync(socket);
  await until(() => existsSync(socket), { what: "a socket", timeoutMs: 20_000 });
  const answer = await fetch("http://localhost/ping/", { unix: socket });
  expect(answer.status).toBe(200);
}, 30_000);

test("the folder of an instance is made again by the next start of its worker", async () => {
  const web = await pidOf(branch, "web");
  rmSync(join(branch.dir, "web"), { recursive: true });
  process.kill(web, "SIGKILL");
  await untilInstance(branch, "web", "running again", ({ state, pid }) => state === "running" && pid !== web);
  expect(readFileSync(join(branch.dir, "web/worker.pid"), "utf8").trim()).toBe(String(await pidOf(branch, "web")));
}, 30_000);

test("a folder of the log that is removed costs nothing but lines, and is written to when it is back", async () => {
  rmSync(join(home, "logs"), { recursive: true });
  await must(branch, 201, "PUT", "/unheard/");
  await mkdir(join(home, "logs"));
  const isWritten = async () => {
    await branch.api("PUT", "/heard/");
    return existsSync(logFile) && readFileSync(logFile, "utf8").includes("path=/heard");
  };
  await until(isWritten, { what: "a line in the new log" });
}, 30_000);

test("a branch.pid that names another process is not in the way of a start, and is left by a stop", async () => {
  const pidFile = join(branch.dir, "branch.pid");
  await branch.stop();
  await Bun.write(pidFile, `${process.pid}\n`);
  await branch.restart();
  expect(readFileSync(pidFile, "utf8")).toBe(`${branch.pid}\n`);
  await Bun.write(pidFile, `${process.pid}\n`);
  await branch.stop();
  expect(readFileSync(pidFile, "utf8")).toBe(`${process.pid}\n`);
}, 30_000);
