import { describe, expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { Store } from "../store/store.ts";
import type { Broker } from "../domain/broker.ts";
import { parseBrokerUrl } from "../domain/broker.ts";
import { Results } from "./results.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const never = new AbortController().signal;

const ok = (id: string, result: unknown = id) => ({ id, state: "SUCCESS", result, error: null });

function setup(limits = { tasks: 1_000_000, bytes: 1e9 }) {
  const store = new Store(":memory:");
  const clock = new ManualClock(0);
  const results = new Results({ store, clock, log: silentLog, keptMs: DAY, limits });
  const kept: (readonly Broker[])[] = [];
  const used: Broker[] = [];
  const brokers = {
    use: (broker: Broker) => used.push(broker),
    keepOnly: (some: readonly Broker[]) => kept.push(some),
  };
  return { store, clock, results, brokers, used, kept };
}

describe("who waits for a task", () => {
  test("is woken by its end, not by its beginning, nor by the end of another", async () => {
    const { results } = setup();
    let heard = false;
    const waiting = results.until("a", DAY, never).finally(() => (heard = true));
    results.heard([{ id: "a", state: "STARTED", result: null, error: null }, ok("b")]);
    await Promise.resolve();
    expect(heard).toBe(false);
    results.heard([ok("a")]);
    expect(await waiting).toMatchObject({ state: "SUCCESS", result: "a" });
  });

  test("is answered at once where it has ended", async () => {
    const { results } = setup();
    results.heard([ok("a")]);
    expect(await results.until("a", DAY, never)).toMatchObject({ result: "a" });
  });

  test("is told what is known when the time is over", async () => {
    const { results, clock } = setup();
    const waiting = results.until("a", 5000, never);
    results.heard([{ id: "a", state: "STARTED", result: null, error: null }]);
    await clock.advance(5000);
    expect(await waiting).toMatchObject({ state: "STARTED" });
    expect(await results.until("unknown", 0, AbortSignal.abort())).toBeUndefined();
  });

  test("who leaves, and everybody when it is stopped, waits no longer", async () => {
    const { results } = setup();
    const leaving = new AbortController();
    const waits = [
      results.until("a", DAY, leaving.signal),
      results.until("a", DAY, never),
      results.until("b", DAY, never),
    ];
    leaving.abort();
    await waits[0];
    results.stop();
    await Promise.all(waits);
    await results.until("a", DAY, never);
  });

  test("a thousand wait, each for a task of its own, and all are woken", async () => {
    const { results } = setup();
    const ids = Array.from({ length: 1000 }, (_, n) => String(n));
    const waits = ids.map((id) => results.until(id, DAY, never));
    results.heard(ids.map((id) => ok(id)));
    const tasks = await Promise.all(waits);
    expect(tasks.map((task) => task?.result)).toEqual(ids);
  });

  test("nobody is woken by what could not be kept", async () => {
    const { results, store } = setup();
    let heard = false;
    void results.until("a", DAY, never).finally(() => (heard = true));
    const { write } = store;
    store.write = () => {
      throw new Error("disk full");
    };
    expect(() => results.heard([ok("a")])).toThrow("disk full");
    await Promise.resolve();
    expect(heard).toBe(false);
    store.write = write;
  });
});

describe("what is kept", () => {
  test("is dropped a day after it changed last", async () => {
    const { results, store, clock, brokers } = setup();
    results.start(brokers);
    results.heard([{ id: "a", state: "STARTED", result: null, error: null }, ok("b")]);
    await clock.advance(DAY / 2);
    results.heard([ok("a")]);
    await clock.advance(DAY / 2 + 2 * MINUTE);
    expect(store.tasks.get("b")).toBeUndefined();
    expect(store.tasks.get("a")).toBeDefined();
    await clock.advance(DAY / 2);
    expect(store.tasks.get("a")).toBeUndefined();
  });

  test.each([
    ["tasks", { tasks: 1000, bytes: 1e9 }],
    ["bytes", { tasks: 1e9, bytes: 1000 * 8 }],
  ])("is bounded in %s: the oldest go first", async (_, limits) => {
    const { results, store, clock, brokers } = setup(limits);
    for (let n = 0; n < 2500; n += 500) {
      results.heard(Array.from({ length: 500 }, (__, at) => ok(String(n + at), "123456")));
      await clock.advance(1);
    }
    results.start(brokers);
    await clock.advance(MINUTE);
    expect(store.tasks.size().tasks).toBe(1000);
    expect(store.tasks.get("2499")).toBeDefined();
    expect(store.tasks.get("1")).toBeUndefined();
  });

  test("says where results may be waiting, from the start and as it changes", async () => {
    const { results, store, clock, brokers, used, kept } = setup();
    const broker = parseBrokerUrl("broker", "amqp://m//");
    const sent = {
      id: "a",
      app: "shop",
      queue: "q",
      name: "t",
      method: null,
      url: null,
      fingerprint: "f",
      sentAtMs: 0,
    };
    store.tasks.addSent(sent, broker);
    results.start(brokers);
    expect(used).toEqual([broker]);
    expect(kept.at(-1)).toEqual([broker]);
    await clock.advance(DAY + 2 * MINUTE);
    expect(kept.at(-1)).toEqual([]);
  });

  test("a disk that is full is tried again", async () => {
    const { results, store, clock, brokers } = setup();
    results.heard([ok("a")]);
    results.start(brokers);
    const { write } = store;
    store.write = () => {
      throw new Error("disk full");
    };
    await clock.advance(DAY + 2 * MINUTE);
    expect(store.tasks.get("a")).toBeDefined();
    store.write = write;
    await clock.advance(MINUTE);
    expect(store.tasks.get("a")).toBeUndefined();
  });
});
