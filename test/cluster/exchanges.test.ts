import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import type { Json } from "../../src/bus/bus.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import { rowsFromJson } from "../../src/cluster/rows.ts";
import { horizonAt, nextVersion, versionsBefore } from "../../src/domain/version.ts";
import { MemoryCluster } from "./memory.ts";

const calls = spyOn(Cluster.prototype, "call");
afterEach(() => void calls.mockClear());
afterAll(() => calls.mockRestore());

/** How often branches exchanged all that they know of names since it was last asked. */
function exchanges(): number {
  const count = calls.mock.calls.filter(([, method]) => method === "names.exchange").length;
  calls.mockClear();
  return count;
}

describe("branches exchange what they know of names", () => {
  test("when one comes that knows something else", async () => {
    await using cluster = await MemoryCluster.of("a");
    await cluster.ask("a", "POST /shop/instances/web/");
    await cluster.add("b");
    await cluster.clock.advance(10_000);
    expect(exchanges()).toBeGreaterThan(0);
    expect(cluster.branch("b").test.store.owners.get("web")?.branch).toBe("a");
  });

  test("not when they meet again and know the same", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c", "d");
    await cluster.clock.advance(20_000);
    exchanges();
    cluster.network.stopBroker();
    await cluster.clock.advance(60_000);
    cluster.network.startBroker();
    await cluster.clock.advance(20_000);
    expect((await cluster.ask("a", "GET /branches/")).body).toEqual(["a", "b", "c", "d"]);
    expect(exchanges()).toBe(0);
  });

  test("not for a deletion that is to be forgotten, which one of them has forgotten already", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.clock.advance(20_000);
    exchanges();
    const version = nextVersion(undefined, Number(horizonAt(cluster.clock.now())) - 1, "a");
    cluster.branch("a").test.store.owners.put({ name: "gone", app: "shop", branch: "a", version, isDeleted: true });
    await cluster.clock.advance(60_000);
    expect(exchanges()).toBe(0);
  });

  test("of a deletion for whole days, so that all forget it at one time", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    const horizonMs = Number(horizonAt(cluster.clock.now()));
    expect(horizonAt(cluster.clock.now())).toBe(versionsBefore(horizonMs));
    const version = nextVersion(undefined, horizonMs, "a");
    cluster.branch("a").test.store.owners.put({ name: "gone", app: "shop", branch: "a", version, isDeleted: true });
    await cluster.clock.advance(20_000);
    expect(cluster.branch("b").test.store.owners.get("gone")?.isDeleted).toBe(true);
  });

  test("once a minute at most where that makes nothing equal", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.clock.advance(20_000);
    exchanges();
    const version = nextVersion(undefined, cluster.clock.now(), "a");
    // As of a later version of Cyme: the other one leaves it out.
    cluster.branch("a").test.store.owners.put({ name: "!", app: "shop", branch: "c", version, isDeleted: false });
    await cluster.clock.advance(120_000);
    const count = exchanges();
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(3);
  });

  test("in parts, however many there are, which both sides tell", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.clock.advance(20_000);
    cluster.network.cut(cluster.branch("b").bus);
    await cluster.clock.advance(8_000);
    const most = 5_000;
    for (const [branch, count] of [
      ["a", most],
      ["b", 2_500],
    ] as const) {
      const { store } = cluster.branch(branch).test;
      store.write(() => {
        for (let at = 0; at < count; at++) {
          const version = nextVersion(undefined, cluster.clock.now(), branch);
          store.owners.put({ name: `${at}-of-${branch}`, app: "shop", branch, version, isDeleted: true });
        }
      });
    }
    exchanges();
    cluster.network.mend(cluster.branch("b").bus);
    await cluster.clock.advance(20_000);
    const asked = calls.mock.calls.flatMap(([, method, args]) => (method === "names.exchange" ? [args] : []));
    const answers = await Promise.all(calls.mock.results.map(({ value }) => value as Promise<Json>));
    for (const message of [...asked, ...answers]) {
      expect(rowsFromJson(message).owners.length).toBeLessThan(most / 2);
    }
    const names = (id: string) =>
      cluster
        .branch(id)
        .test.store.owners.all()
        .map(({ name }) => name);
    expect(names("b")).toHaveLength(most + 2_500);
    expect(names("b")).toEqual(names("a"));
  });
});
