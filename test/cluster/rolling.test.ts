import { describe, expect, test } from "bun:test";
import type { FakeProcesses } from "../../src/supervisor/test-support.ts";
import { MemoryCluster } from "./memory.ts";

const IDS = ["a", "b", "c"] as const;
const BAD = { arguments: "-A nothere" };
const GOOD = { arguments: "-A proj" };
const DIES = { dies: { code: 2, signal: null } } as const;
const S = 1000;

/** Three branches, and one instance of `shop` on each: `wa` on a and so on. */
async function three(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of(...IDS);
  for (const id of IDS) await cluster.ask(id, `POST /shop/instances/w${id}/?branch=${id}`);
  await cluster.clock.advance(5 * S);
  forget(cluster);
  return cluster;
}

function forget(cluster: MemoryCluster): void {
  for (const id of IDS) cluster.branch(id).test.processes.did.length = 0;
}

/** What the next workers are like, on every branch. */
function next(cluster: MemoryCluster, worker: FakeProcesses["next"]): void {
  for (const id of IDS) cluster.branch(id).test.processes.next = worker;
}

/** Names of instances whose workers were stopped. */
function taken(cluster: MemoryCluster): string[] {
  const did = IDS.flatMap((id) => cluster.branch(id).test.processes.did);
  return did.flatMap((act) => (act.startsWith("TERM ") ? [act.slice(5)] : []));
}

const enabled = (cluster: MemoryCluster) =>
  IDS.filter((id) => cluster.branch(id).test.instance(`w${id}`).isEnabled).map((id) => `w${id}`);

/** Has every worker that runs answer. */
function answers(cluster: MemoryCluster): void {
  for (const id of IDS) cluster.branch(id).test.processes.worker(`w${id}`).isMute = false;
}

describe("a change of an app with instances on three branches", () => {
  test("takes one after another, never two at once, and one branch as fast as the other", async () => {
    await using cluster = await three();
    next(cluster, { isMute: true });
    const changed = cluster.branch("b").ask("PUT /shop/", GOOD);
    for (const count of [1, 2, 3]) {
      await cluster.clock.advance(6 * S);
      expect(taken(cluster)).toHaveLength(count);
      answers(cluster);
      await cluster.clock.advance(S);
      expect(taken(cluster)).toHaveLength(Math.min(3, count + 1));
    }
    await cluster.clock.advance(S);
    expect((await changed).status).toBe(200);
    expect(taken(cluster).toSorted()).toEqual(["wa", "wb", "wc"]);
  });

  test("that is wrong disables exactly one; the error names it and those that keep what they run", async () => {
    await using cluster = await three();
    next(cluster, DIES);
    const { status, body } = await cluster.ask("a", "PUT /shop/", BAD);
    const [failed] = taken(cluster);
    const kept = enabled(cluster);
    expect([status, kept]).toEqual([502, ["wa", "wb", "wc"].filter((name) => name !== failed)]);
    expect(body).toMatchObject({ error: "worker-failed", instance: failed, kept, stored: true });
    expect(body).toHaveProperty("nok", expect.stringContaining(`keep what they run: "${kept[0]}", "${kept[1]}"`));
    await cluster.clock.advance(120 * S);
    expect(taken(cluster)).toHaveLength(1);
    for (const name of kept) {
      expect(cluster.branch(name.slice(1)).test.history(name)).toContain("kept");
      expect((await cluster.ask("a", `GET /shop/instances/${name}/`)).body).toMatchObject({ state: "running" });
    }
  });

  test("that mends a wrong one restarts those that were kept", async () => {
    await using cluster = await three();
    next(cluster, DIES);
    await cluster.ask("a", "PUT /shop/", BAD);
    const [failed] = taken(cluster);
    next(cluster, {});
    expect((await cluster.ask("c", "PUT /shop/", GOOD)).status).toBe(200);
    expect(taken(cluster).filter((name) => name !== failed)).toHaveLength(2);
  });
});

describe("a wrong change", () => {
  test("is told to a branch that was away when it was halted, before it takes its instance", async () => {
    await using cluster = await three();
    cluster.branch("c").kill();
    await cluster.clock.advance(S);
    next(cluster, DIES);
    await cluster.ask("a", "PUT /shop/", BAD);
    expect(taken(cluster)).toHaveLength(1);
    await cluster.branch("c").restart();
    await cluster.clock.advance(30 * S);
    expect(taken(cluster)).toHaveLength(1);
    expect(cluster.branch("c").test.instance("wc").isEnabled).toBe(true);
  });

  test("is asked for by a branch that did not hear of it", async () => {
    await using cluster = await three();
    const { bus } = cluster.branch("c");
    next(cluster, { isMute: true });
    await cluster.ask("a", "PUT /!/shop/", BAD);
    await cluster.clock.advance(S);
    const [first = ""] = taken(cluster);
    expect(first).not.toBe("wc");
    next(cluster, DIES);
    cluster.network.lose(bus, true);
    await cluster.branch(first.slice(1)).test.die(first);
    await cluster.clock.advance(S);
    cluster.network.lose(bus, false);
    await cluster.clock.advance(30 * S);
    expect(taken(cluster)).toEqual([first]);
    expect(enabled(cluster)).toContain("wc");
  });
});

describe("who has the turn", () => {
  /** The one that was taken first, and stays away. */
  async function away(cluster: MemoryCluster): Promise<string> {
    next(cluster, { isMute: true });
    await cluster.ask("a", "PUT /!/shop/", GOOD);
    await cluster.clock.advance(6 * S);
    const [first = "", ...more] = taken(cluster);
    expect(more).toEqual([]);
    next(cluster, {});
    return first.slice(1);
  }

  test.each(["kill", "freeze", "cut"] as const)("does not stop the others for ever (%s)", async (how) => {
    await using cluster = await three();
    const holder = cluster.branch(await away(cluster));
    if (how === "kill") holder.kill();
    else cluster.network[how](holder.bus);
    await cluster.clock.advance(60 * S);
    expect(taken(cluster).toSorted()).toEqual(["wa", "wb", "wc"]);
  });

  test("keeps it while the broker of the branches starts again", async () => {
    await using cluster = await three();
    await away(cluster);
    cluster.network.stopBroker();
    await cluster.clock.advance(5 * S);
    cluster.network.startBroker();
    await cluster.clock.advance(20 * S);
    expect(taken(cluster)).toHaveLength(1);
  });

  test("is each branch for itself without the bus", async () => {
    await using cluster = await three();
    await away(cluster);
    cluster.network.stopBroker();
    await cluster.clock.advance(30 * S);
    expect(taken(cluster).toSorted()).toEqual(["wa", "wb", "wc"]);
  });
});
