import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import type { BusOptions, Json } from "./bus.ts";
import { MAX_UNDER_WAY } from "./desk.ts";
import { MemoryBus } from "./memory-bus.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { PREFETCH } from "./wire.ts";

/** More than a branch needs to find its place. */
const START_MS = 500;
/** Three heartbeats of a small cluster. */
const GONE_MS = 6_000;
/** The broker has given a frozen member up by then. */
const FOREVER_MS = 60_000;

interface Parts {
  readonly key?: string;
  readonly handle?: BusOptions["handle"];
  readonly facts?: () => Json;
  readonly maxBytes?: number;
}

function setup() {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const start = (id: string, { key = id, handle = async () => id, facts = () => null, ...limits }: Parts = {}) => {
    const changes: string[] = [];
    const refusals: CymeError[] = [];
    const begun: string[] = [];
    const bus = new MemoryBus(
      {
        self: { id, key, version: "1", facts },
        handle: (method, ...rest) => {
          begun.push(method);
          return handle(method, ...rest);
        },
        controllers: 1,
        ...limits,
        log: silentLog,
        onRefused: (why) => refusals.push(why),
      },
      network,
    );
    bus.onMember((change, member) => changes.push(`${change} ${member.id}`));
    bus.start();
    return { bus, changes, refusals, begun, ids: () => bus.members().map((member) => member.id) };
  };
  /** What the call comes to: a value, or a code. */
  const call = async (bus: MemoryBus, to: string, method = "do") => {
    const outcome = bus.call(to, method, null, 1_000).catch((error: unknown) => {
      if (error instanceof CymeError) return error.code;
      throw error;
    });
    await clock.advance(1_000);
    return outcome;
  };
  return { clock, network, start, call };
}

describe("presence", () => {
  test("a branch serves, and is seen, within a second of its start", async () => {
    const { clock, start } = setup();
    const a = start("a");
    await clock.advance(START_MS);
    const b = start("b");
    await clock.advance(999);
    expect([a.ids(), b.ids(), b.bus.state.is]).toEqual([["a", "b"], ["a", "b"], "up"]);
  });

  test("of others is told when they can be asked, and before it is known that the bus is up", async () => {
    const { clock, network, start } = setup();
    start("a");
    await clock.advance(START_MS);
    const b = start("b");
    b.bus.onState(({ is }) => b.changes.push(is));
    const answers: Promise<unknown>[] = [];
    b.bus.onMember((change, { id }) => {
      if (change === "joined") answers.push(b.bus.call(id, "do", null, 1_000));
    });
    await clock.advance(100);
    expect([b.ids(), b.changes]).toEqual([["a", "b"], []]);
    const c = start("c");
    await clock.advance(50);
    network.kill(c.bus);
    await clock.advance(START_MS);
    expect(b.changes).toEqual(["joined a", "up"]);
    expect(await Promise.all(answers)).toEqual(["a"]);
  });

  test("announced facts are known at once, those of many announcements soon and with few messages", async () => {
    const { clock, start } = setup();
    let load = 0;
    const [a, b] = [start("a"), start("b", { facts: () => ({ load }) })];
    await clock.advance(START_MS);
    load = 1;
    b.bus.announce();
    await clock.advance(0);
    expect(a.bus.members()[1]?.facts).toEqual({ load: 1 });
    for (load = 2; load < 100; load++) b.bus.announce();
    await clock.advance(200);
    expect(a.bus.members()[1]?.facts).toEqual({ load: 100 });
    expect(a.changes).toEqual(["joined b", "changed b", "changed b"]);
  });

  test("facts that cannot be had are those before", async () => {
    const { clock, start } = setup();
    let isBroken = false;
    const facts = () => {
      if (isBroken) throw new Error("no");
      return "whole";
    };
    const [a] = [start("a"), start("b", { facts })];
    await clock.advance(START_MS);
    isBroken = true;
    await clock.advance(GONE_MS * 2);
    expect(a.bus.members()[1]?.facts).toBe("whole");
  });

  test("a silent branch is gone after three heartbeats, not before", async () => {
    const { clock, network, start } = setup();
    const [a, b] = [start("a"), start("b")];
    await clock.advance(START_MS);
    b.bus.announce();
    network.freeze(b.bus);
    await clock.advance(GONE_MS - 1);
    expect(a.ids()).toEqual(["a", "b"]);
    await clock.advance(1);
    expect(a.ids()).toEqual(["a"]);
  });

  test("a branch that was frozen does not take the others for gone", async () => {
    const { clock, network, start, call } = setup();
    const [a, b] = [start("a"), start("b")];
    await clock.advance(START_MS);
    network.freeze(b.bus);
    await clock.advance(FOREVER_MS);
    network.thaw(b.bus);
    await clock.advance(GONE_MS);
    expect([b.changes, b.ids(), a.ids()]).toEqual([["joined a"], ["a", "b"], ["a", "b"]]);
    expect(await call(b.bus, "a")).toBe("a");
  });

  test("a frozen branch that wakes does not begin what others have given up, whether or not it lost its connection", async () => {
    for (const frozenMs of [GONE_MS / 2, FOREVER_MS]) {
      const { clock, network, start, call } = setup();
      const [a, b] = [start("a"), start("b")];
      await clock.advance(START_MS);
      network.freeze(b.bus);
      expect(await call(a.bus, "b", "old")).toBe("timeout");
      await clock.advance(frozenMs);
      network.thaw(b.bus);
      await clock.advance(GONE_MS);
      expect(await call(a.bus, "b", "new")).toBe("b");
      expect(b.begun).toEqual(["new"]);
    }
  });
});

describe("a partition", () => {
  test("leaves two clusters that become one again", async () => {
    const { clock, network, start, call } = setup();
    const [a, b, c] = [start("a"), start("b"), start("c")];
    await clock.advance(START_MS);
    network.partition([a.bus], [b.bus, c.bus]);
    expect(await call(a.bus, "b")).toBe("timeout");
    await clock.advance(GONE_MS);
    expect([a.ids(), b.ids(), c.ids()]).toEqual([["a"], ["b", "c"], ["b", "c"]]);
    expect(await call(a.bus, "b")).toBe("unavailable");
    network.partition();
    await clock.advance(2_000);
    expect([a.ids(), b.ids(), c.ids()]).toEqual(Array.from({ length: 3 }, () => ["a", "b", "c"]));
    expect(await call(a.bus, "b")).toBe("b");
  });

  test("in which two branches took one id ends with the later refused", async () => {
    const { clock, network, start, call } = setup();
    const [a, first] = [start("a"), start("b", { key: "one" })];
    await clock.advance(START_MS);
    network.partition([a.bus], [first.bus]);
    const second = start("b", { key: "two", handle: async () => "the second" });
    // Until a has missed the first and then heard the second.
    await clock.advance(GONE_MS + 2_000);
    expect(await call(a.bus, "b")).toBe("the second");
    network.partition();
    await clock.advance(2_000);
    expect([first.refusals.length, second.refusals.map(({ code }) => code)]).toEqual([0, ["conflict"]]);
    expect(await call(a.bus, "b")).toBe("b");
  });

  test("in which two had one lock ends with one of them losing it", async () => {
    const { clock, network, start } = setup();
    const [a, b] = [start("a"), start("b")];
    await clock.advance(START_MS);
    network.partition([a.bus], [b.bus]);
    const lost: string[] = [];
    for (const { bus, ids } of [a, b]) {
      const hold = (signal: AbortSignal) => {
        signal.addEventListener("abort", () => lost.push(ids().join()), { once: true });
        return new Promise(() => {});
      };
      void bus.withLock("one", 1_000, hold);
    }
    await clock.advance(1_000);
    network.partition();
    expect(lost).toHaveLength(1);
  });
});

describe("switches of the network", () => {
  test("a delay is how much later messages come", async () => {
    const { clock, network, start } = setup();
    const [a, b] = [start("a"), start("b")];
    await clock.advance(START_MS);
    network.delay(b.bus, 700);
    void a.bus.cast("b", "late", null);
    await clock.advance(699);
    expect(b.begun).toEqual([]);
    await clock.advance(1);
    expect(b.begun).toEqual(["late"]);
  });

  test("what is lost was taken all the same", async () => {
    const { clock, network, start, call } = setup();
    const [a, b] = [start("a"), start("b")];
    await clock.advance(START_MS);
    network.lose(b.bus, true);
    expect(await call(a.bus, "b")).toBe("timeout");
    network.lose(b.bus, false);
    expect([await call(a.bus, "b"), b.begun]).toEqual(["b", ["do"]]);
  });
});

describe("a bus", () => {
  test("can be stopped twice, and before it was started", async () => {
    const { clock, network, start } = setup();
    const parts = { self: { id: "x", key: "x", version: "1", facts: () => null }, handle: async () => null };
    const idle = new MemoryBus({ ...parts, controllers: 1, log: silentLog, onRefused: () => {} }, network);
    await idle.stop(clock.now() + 1_000);
    const { bus } = start("a");
    await clock.advance(START_MS);
    await Promise.all([bus.stop(clock.now() + 1_000), bus.stop(clock.now() + 1_000)]);
    expect(bus.state.is).toBe("away");
  });

  test("that stops tells work that does not end to end, and goes by its deadline", async () => {
    const { clock, start } = setup();
    let isTold = false;
    const [a, b] = [
      start("a"),
      start("b", {
        handle: (_method, _args, _from, signal) =>
          new Promise(() => signal.addEventListener("abort", () => (isTold = true), { once: true })),
      }),
    ];
    await clock.advance(START_MS);
    void a.bus.call("b", "hang", null, FOREVER_MS).catch(() => {});
    await clock.advance(0);
    const stopped = b.bus.stop(clock.now() + 5_000);
    await clock.advance(1_000);
    expect(a.ids()).toEqual(["a", "b"]);
    await clock.advance(4_000);
    await stopped;
    expect([isTold, a.ids()]).toEqual([true, ["a"]]);
  });

  test("carries what its branch says that messages may have, both ways", async () => {
    const { clock, start } = setup();
    const maxBytes = 20 * 1024 * 1024;
    const handle: BusOptions["handle"] = async (_method, args) => args;
    const [a] = [start("a", { maxBytes }), start("b", { handle, maxBytes })];
    await clock.advance(START_MS);
    const large = "x".repeat(17 * 1024 * 1024);
    const answer = a.bus.call("b", "echo", large, FOREVER_MS);
    await clock.advance(0);
    expect((await answer) === large).toBe(true);
  });

  test("begins no more work than it can have under way, and goes on when some of it has ended", async () => {
    const { clock, start } = setup();
    const ends: (() => void)[] = [];
    const handle = () => new Promise<null>((resolve) => ends.push(() => resolve(null)));
    const [a, b] = [start("a"), start("b", { handle })];
    await clock.advance(START_MS);
    const call = () => void a.bus.call("b", "wait", null, FOREVER_MS).catch(() => {});
    for (let count = 0; count < MAX_UNDER_WAY + 2 * PREFETCH; count++) call();
    await clock.advance(0);
    const begun = b.begun.length;
    expect([begun >= MAX_UNDER_WAY, begun < MAX_UNDER_WAY + 2 * PREFETCH]).toEqual([true, true]);
    for (const end of ends) end();
    await clock.advance(0);
    expect(b.begun.length).toBe(MAX_UNDER_WAY + 2 * PREFETCH);
  });

  test("refuses new work while it stops", async () => {
    const { clock, start, call } = setup();
    const [a, b] = [start("a"), start("b", { handle: () => new Promise(() => {}) })];
    await clock.advance(START_MS);
    void a.bus.call("b", "hang", null, FOREVER_MS).catch(() => {});
    await clock.advance(0);
    void b.bus.stop(clock.now() + 10_000);
    expect([await call(a.bus, "b", "more"), b.begun]).toEqual(["unavailable", ["hang"]]);
  });
});

test("a member that was frozen while the broker went and came twice is back after the thaw", async () => {
  const { clock, network, start } = setup();
  const { bus } = start("a");
  await clock.advance(START_MS);
  network.freeze(bus);
  network.startBroker();
  await clock.advance(1_000);
  network.stopBroker();
  network.startBroker();
  network.thaw(bus);
  await clock.advance(2 * START_MS);
  expect(bus.state.is).toBe("up");
});
