import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { startBranches, untilTogether, type Branches } from "./three.ts";

let rabbit: Rabbit;
let branches: Branches;

beforeAll(async () => {
  rabbit = await startRabbit();
  branches = await startBranches(3, { broker: rabbit.url });
});

afterAll(async () => {
  await branches?.[Symbol.asyncDispose]();
  await rabbit?.[Symbol.asyncDispose]();
});

interface InstanceAnswer {
  readonly pid: number;
  readonly state: string;
}

describe("a cluster whose broker is killed and started again", () => {
  test("works on by itself on each branch meanwhile, and is whole again without a restart of any worker", async () => {
    const [a, b, c] = branches.all;
    if (!a || !b || !c) throw new Error("three branches were started");
    await a.api("PUT", "/shop/");
    const on = [a, b, c].map((branch, at) => [`w${at}`, branch] as const);
    for (const [name, { id }] of on) {
      expect((await a.api("POST", `/shop/instances/${name}/`, { query: { branch: id } })).status).toBe(201);
    }
    const pidOf = async (name: string) => (await b.api<InstanceAnswer>("GET", `/shop/instances/${name}/`)).body.pid;
    const before = await Promise.all(on.map(([name]) => pidOf(name)));

    await rabbit.kill();
    await until(async () => (await a.api<{ bus: { state: string } }>("GET", "/health/")).body.bus.state === "away", {
      what: "the bus to be away",
    });
    const list = await a.api("GET", "/shop/instances/");
    expect([list.status, list.body, list.headers.get("x-cyme-silent")]).toEqual([
      200,
      ["w0"],
      [b.id, c.id].toSorted().join(","),
    ]);
    expect(await a.api("POST", "/shop/instances/new/")).toMatchObject({ status: 503, body: { stored: false } });
    expect((await a.api("GET", "/shop/instances/w1/")).status).toBe(503);
    expect((await a.api("GET", "/shop/")).status).toBe(200);

    await rabbit.start();
    await untilTogether([a, b, c]);
    await until(async () => (await c.api<string[]>("GET", "/shop/instances/")).body.length === 3, {
      what: "all to be heard",
    });
    expect(await Promise.all(on.map(([name]) => pidOf(name)))).toEqual(before);
    // Each branch has more connections to the broker than that of the bus.
    for (const branch of [a, b, c]) {
      await until(async () => (await branch.api<{ state: string }>("GET", "/health/")).body.state === "ok", {
        what: "all connections to be back",
      });
    }
    expect(await a.api("POST", "/shop/instances/new/")).toMatchObject({ status: 201 });
    expect((await b.api("DELETE", "/shop/")).status).toBe(200);
    for (const branch of [a, b, c]) await branch.expectNoLeftovers();
  });
});
