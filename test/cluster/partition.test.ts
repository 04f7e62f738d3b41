import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { untilTogether } from "./three.ts";

/** Two branches, of which the second reaches the bus by a way that can be blocked; the workers of both reach the broker otherwise. */
let vhost: Vhost;
let pipe: Pipe;
let here: Branch;
let there: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  pipe = await openPipe(vhost.url);
  [here, there] = await Promise.all([startBranch({ broker: vhost.url }), startBranch({ broker: pipe.url })]);
  await untilTogether([here, there]);
});

afterAll(async () => {
  await Promise.all([here, there].map((branch) => branch?.[Symbol.asyncDispose]()));
  await pipe?.close();
  await vhost?.drop();
});

interface Refused {
  readonly branch?: string;
  readonly stored?: boolean | null;
}

const busOf = async (branch: Branch) =>
  (await branch.api<{ bus: { state: string } }>("GET", "/health/")).body.bus.state;

const pidOf = async (branch: Branch, name: string) =>
  (await branch.api<{ pid: number }>("GET", `/shop/instances/${name}/`)).body.pid;

async function startsOf(branch: Branch, name: string): Promise<number> {
  const { body } = await branch.api<{ did: string }[]>("GET", `/shop/instances/${name}/history/`);
  return body.filter(({ did }) => did.startsWith("start")).length;
}

async function add(through: Branch, name: string, query: Record<string, string>) {
  const { status, body } = await through.api<Refused>("POST", `/shop/instances/${name}/`, { query });
  return { status, stored: body.stored };
}

describe("a branch that nothing reaches until both sides have given the connection up", () => {
  test("works on by itself, is named by the other, and both are one cluster again afterwards", async () => {
    expect((await here.api("PUT", "/shop/", { form: { broker: vhost.url } })).status).toBe(201);
    expect((await add(here, "x", { branch: here.id })).status).toBe(201);
    expect((await add(here, "y", { branch: there.id })).status).toBe(201);
    const pidOfX = await pidOf(here, "x");
    pipe.pause();
    try {
      const late = await here.api<Refused>("POST", "/shop/instances/y/restart/", { query: { timeout: "1" } });
      expect([408, 503]).toContain(late.status);
      expect(late.body.branch).toBe(there.id);
      expect(late.body.stored).not.toBe(true);
      // The command line keeps its own time.
      const listed = await here.cli("-a", "shop", "instances", "-F", "json", "--timeout", "5");
      expect([listed.code, listed.stdout]).toEqual([0, '["x"]\n']);
      expect(listed.stderr).toContain(there.id);

      expect((await there.api("POST", "/shop/instances/y/restart/")).status).toBe(200);
      await until(async () => (await busOf(there)) === "away", { what: "it to notice", timeoutMs: 60_000 });
      expect((await there.api("POST", "/shop/instances/y/disable/")).status).toBe(200);
      expect((await there.api("POST", "/shop/instances/y/enable/")).status).toBe(200);
      expect(await add(there, "m", { timeout: "2" })).toEqual({ status: 503, stored: false });

      expect((await here.api("GET", "/branches/")).body).toEqual([here.id]);
      const away = await here.api<Refused>("GET", "/shop/instances/y/");
      expect([away.status, away.body.branch]).toEqual([503, there.id]);
      expect((await add(here, "y", {})).status).toBe(409);
      expect((await add(here, "n", {})).status).toBe(201);

      const changedThere = await there.api("PUT", "/shop/", { form: { stop_timeout: "20" } });
      const changedHere = await here.api("PUT", "/shop/", { form: { stop_timeout: "30" } });
      expect([changedThere, changedHere].map(({ headers }) => headers.get("x-cyme-silent"))).toEqual([
        here.id,
        there.id,
      ]);
      expect((await there.api("PUT", "/shop/queues/letters/")).status).toBe(201);
      expect((await here.api("PUT", "/shop/queues/parcels/")).status).toBe(201);
    } finally {
      pipe.resume();
    }
    const before = await startsOf(there, "y");

    await untilTogether([here, there]);
    for (const branch of [here, there]) {
      await until(async () => (await branch.api<string[]>("GET", "/shop/queues/")).body.join() === "letters,parcels", {
        what: "the queues of both sides to be everywhere",
      });
      // The later of two changes that do not know each other counts.
      expect((await branch.api<object>("GET", "/shop/")).body).toMatchObject({
        stop_timeout: 30,
        instances: ["n", "x", "y"],
      });
    }
    expect((await add(there, "n", {})).status).toBe(409);
    expect((await there.api("GET", "/shop/instances/n/")).body).toMatchObject({ branch: here.id, state: "running" });
    expect((await here.api("GET", "/shop/instances/y/")).body).toMatchObject({ branch: there.id, state: "running" });
    // What was asked of it meanwhile, and was answered as late, is not done afterwards.
    expect(await startsOf(here, "y")).toBe(before);
    expect(await pidOf(there, "x")).toBe(pidOfX);
    expect((await there.api("DELETE", "/shop/")).status).toBe(200);
    for (const branch of [here, there]) await branch.expectNoLeftovers();
  }, 120_000);
});
