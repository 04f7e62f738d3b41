import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, rmSync } from "node:fs";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

let vhost: Vhost;
let original: Branch;
let copy: string;

beforeAll(async () => {
  vhost = await freshVhost();
  original = await startBranch({ broker: vhost.url });
  copy = `${original.dir}-copy`;
  await original.api("PUT", "/shop/");
  expect((await original.api("POST", "/shop/instances/web/")).status).toBe(201);
  await original.stop();
  cpSync(original.dir, copy, { recursive: true });
  comeFromAnotherMachine(copy);
  await original.restart();
  const isOnBus = async () => (await original.api<Health>("GET", "/health/")).body.bus.state === "up";
  await until(isOnBus, { what: "the branch to be on the bus" });
});

afterAll(async () => {
  if (copy) rmSync(copy, { recursive: true, force: true });
  await original?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

/** Where the processes of the branch are not to be found. */
function comeFromAnotherMachine(dir: string): void {
  const db = new Database(`${dir}/branch.db`);
  db.run("UPDATE workers SET boot_id = 'another'");
  db.close();
}

interface Health {
  readonly bus: { readonly state: string };
}

interface InstanceAnswer {
  readonly pid: number;
}

describe("a copy of an instance directory, started while the branch runs", () => {
  test.each([
    ["under its id", () => original.id, "the same branch runs on"],
    ["under another id", () => `${original.id}-copy`, "the same branch runs as"],
  ])("%s is refused, and starts no worker", async (_, id, words) => {
    const before = (await original.api<InstanceAnswer>("GET", "/shop/instances/web/")).body.pid;
    const args = ["branch", "127.0.0.1:0", "-i", id(), "-D", copy, "--command", "/usr/bin/python3 -m celery"];
    const ran = await run([BINARY, ...args], { ...process.env, CYME_BROKER: vhost.url });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain(words);
    expect(existsSync(`${copy}/web/worker.pid`)).toBe(false);
    const after = await original.api<InstanceAnswer>("GET", "/shop/instances/web/");
    expect(after).toMatchObject({ status: 200, body: { pid: before, state: "running" } });
    expect((await original.api("GET", "/branches/")).body).toEqual([original.id]);
  });
});
