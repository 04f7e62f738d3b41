import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { startBranches, untilTogether, type Branches } from "./three.ts";

let vhost: Vhost;
let branches: Branches;

beforeAll(async () => {
  vhost = await freshVhost();
  branches = await startBranches(2, { broker: vhost.url });
});

afterAll(async () => {
  await branches?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

interface InstanceAnswer {
  readonly pid: number;
  readonly max_concurrency: number;
}

const told = async (branch: Branch, what: string) =>
  (await branch.log()).split("\n").filter((line) => line.includes(what)).length;

/** Whether it did not begin with what it was asked while it slept, or slept so long that the broker threw that away with its connection. */
const hasRefused = async (branch: Branch, asked: number) =>
  (await told(branch, "came too late")) >= asked || (await told(branch, "the broker cannot be used")) > 0;

describe("a branch that is stopped with SIGSTOP and wakes", () => {
  test("does nothing of what was asked of it meanwhile and was given up", async () => {
    const [awake, asleep] = branches.all;
    if (!awake || !asleep) throw new Error("two branches were started");
    await awake.api("PUT", "/shop/");
    const added = await awake.api("POST", "/shop/instances/web/", { query: { branch: asleep.id } });
    expect(added.status).toBe(201);
    const web = async () => (await awake.api<InstanceAnswer>("GET", "/shop/instances/web/")).body;
    const historyOf = async () => (await awake.api<unknown[]>("GET", "/shop/instances/web/history/")).body;
    const [before, historyBefore] = [await web(), await historyOf()];

    process.kill(asleep.pid, "SIGSTOP");
    try {
      const asked = await Promise.all([
        awake.api("POST", "/shop/instances/web/restart/", { query: { timeout: "1" } }),
        awake.api("PUT", "/shop/instances/web/", { query: { timeout: "1", max_concurrency: "3" } }),
        awake.api("DELETE", "/shop/instances/web/", { query: { timeout: "1" } }),
        awake.api("POST", "/shop/instances/new/", { query: { timeout: "1", branch: asleep.id } }),
        // Given up long before their time is over, when it is seen that it is silent.
        awake.api("POST", "/shop/instances/web/restart/", { query: { timeout: "600" } }),
        awake.api("DELETE", "/shop/instances/web/", { query: { timeout: "600" } }),
      ]);
      for (const { status, body } of asked) {
        expect([408, 503]).toContain(status);
        expect(JSON.stringify(body)).toContain(asleep.id);
        expect(body).toMatchObject({ stored: false });
      }
      await until(async () => (await awake.api<string[]>("GET", "/branches/")).body.length === 1, {
        what: "it to be missed",
      });
      // Its name was promised to nobody.
      expect((await awake.api("POST", "/shop/instances/new/")).status).toBe(201);
    } finally {
      process.kill(asleep.pid, "SIGCONT");
    }
    await until(() => hasRefused(asleep, 6), { what: "it to find what was asked of it" });
    await untilTogether([awake, asleep]);
    expect(await web()).toEqual(before);
    expect(await historyOf()).toEqual(historyBefore);
    for (const branch of [awake, asleep]) {
      expect((await branch.api("GET", "/shop/instances/")).body).toEqual(["new", "web"]);
      expect((await branch.api("GET", "/shop/instances/new/")).body).toMatchObject({ branch: awake.id });
    }
    expect((await awake.api("POST", "/shop/instances/web/restart/")).status).toBe(200);
    expect((await web()).pid).not.toBe(before.pid);
    expect((await asleep.api("DELETE", "/shop/")).status).toBe(200);
    for (const branch of [awake, asleep]) await branch.expectNoLeftovers();
  });
});
