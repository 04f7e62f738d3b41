import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, startBranch, type Branch } from "../harness/branch.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

const NAMES = ["w1", "w2", "w3"];

let vhost: Vhost;
let branch: Branch;

/** The processes of the workers, by worker.pid; a worker without one is missing. */
function pids(): number[] {
  return NAMES.map((name) => Number(readFileSync(join(branch.dir, name, "worker.pid"), "utf8")));
}

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("POST", "/shop/");
  for (const name of NAMES) await branch.api("PUT", `/shop/instances/${name}/`, { json: { pool: "solo" } });
  await branch.stop();
});

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
});

// Nobody would end it after the command has gone.
describe("a command where no daemon runs ends what it has begun", () => {
  let before: number[];
  beforeEach(() => {
    before = pids();
  });

  test("though it was told not to wait", async () => {
    const { code } = await branch.cli("-L", "-D", branch.dir, "-n", "-a", "shop", "instances.restart", "w1");
    expect(code).toBe(0);
    const [now, ...others] = pids();
    expect([before[0] === now, others]).toEqual([false, before.slice(1)]);
    expect(pids().map(alive)).toEqual([true, true, true]);
  });

  test("though it is interrupted", async () => {
    const child = Bun.spawn([BINARY, "-L", "-D", branch.dir, "restart-all"], { stdout: "pipe", stderr: "pipe" });
    await until(() => !before.some(alive), { what: "the workers to be stopped" });
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(pids().map(alive)).toEqual([true, true, true]);
    expect(pids().some((pid) => before.includes(pid))).toBe(false);
  });
});
