import { describe, expect, test } from "bun:test";
import { parseBrokerUrl } from "../domain/broker.ts";
import type { SentTask } from "../domain/task.ts";
import { Store } from "./store.ts";

const BROKER = parseBrokerUrl("broker", "amqp://guest:guest@127.0.0.1:5672//");
const ID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";
const SENT: SentTask = {
  id: ID,
  app: "shop",
  queue: "tasks",
  name: "cyme.tasks.webhook",
  method: "POST",
  url: "http://m/x",
  fingerprint: "f",
  sentAtMs: 1000,
};
const OK = { id: ID, state: "SUCCESS", result: { content: "ü" }, error: null };
const FAILED = { id: ID, state: "FAILURE", result: null, error: { type: "ValueError", message: "no" } };

const open = () => new Store(":memory:");

describe("tasks that are kept", () => {
  test("what was sent is PENDING until something is heard", () => {
    const { tasks } = open();
    tasks.addSent(SENT, BROKER);
    expect(tasks.get(ID)).toEqual({
      id: ID,
      state: "PENDING",
      result: null,
      error: null,
      sent: SENT,
      touchedAtMs: 1000,
    });
  });

  test("a report that comes before the sending is written down is kept, and joined with it", () => {
    const { tasks } = open();
    expect(tasks.addReport(OK, 900)).toBe(true);
    expect(tasks.get(ID)).toEqual({ ...OK, sent: null, touchedAtMs: 900 });
    tasks.addSent(SENT, BROKER);
    expect(tasks.get(ID)).toEqual({ ...OK, sent: SENT, touchedAtMs: 900 });
  });

  test("a result of null is told from none", () => {
    const { tasks } = open();
    tasks.addReport({ ...OK, result: null }, 900);
    expect(tasks.get(ID)).toMatchObject({ state: "SUCCESS", result: null });
  });

  test("a success replaces a failure, and nothing replaces a success", () => {
    const { tasks } = open();
    tasks.addReport(FAILED, 1);
    expect(tasks.get(ID)?.error).toEqual(FAILED.error);
    expect(tasks.addReport({ ...OK, state: "STARTED", result: null }, 2)).toBe(false);
    expect(tasks.addReport(OK, 3)).toBe(true);
    expect(tasks.addReport(FAILED, 4)).toBe(false);
    expect(tasks.get(ID)).toEqual({ ...OK, sent: null, touchedAtMs: 3 });
  });

  test("the brokers of kept tasks are known, those of dropped ones are not", () => {
    const { tasks } = open();
    expect(tasks.brokersInUse()).toEqual([]);
    tasks.addSent(SENT, BROKER);
    expect(tasks.brokersInUse()).toEqual([BROKER]);
    tasks.dropBefore(1001);
    expect(tasks.brokersInUse()).toEqual([]);
  });

  test("dropping begins with the oldest, counts results, and is bounded at once", () => {
    const store = open();
    const { tasks } = store;
    store.write(() => {
      for (let n = 0; n < 1500; n++) tasks.addReport({ ...OK, id: String(n), result: "1234" }, n);
    });
    expect(tasks.size()).toEqual({ tasks: 1500, bytes: 9000 });
    expect(tasks.dropBefore(10_000)).toBe(1000);
    expect(tasks.get("999")).toBeUndefined();
    expect(tasks.get("1000")).toBeDefined();
    expect(tasks.dropBefore(1200)).toBe(200);
    expect(tasks.dropBefore(1200)).toBe(0);
    expect(tasks.size()).toEqual({ tasks: 300, bytes: 1800 });
  });

  test.each([
    [{ tasks: 2, bytes: 0 }, 2],
    [{ tasks: 0, bytes: 1 }, 1],
    [{ tasks: -5, bytes: 7 }, 2],
    [{ tasks: 3, bytes: 6 }, 3],
    [{ tasks: 0, bytes: 0 }, 0],
    [{ tasks: 99, bytes: 0 }, 10],
  ])("of what is too much (%p) no more is dropped than has to be", (excess, count) => {
    const { tasks } = open();
    for (let n = 0; n < 10; n++) tasks.addReport({ ...OK, id: String(n), result: "1234" }, n);
    expect(tasks.dropOldest(excess)).toEqual({ tasks: count, bytes: 6 * count });
    expect(tasks.size().tasks).toBe(10 - count);
    if (count > 0) expect(tasks.get(String(count - 1))).toBeUndefined();
    if (count < 10) expect(tasks.get(String(count))).toBeDefined();
  });

  test("the size of nothing is nothing", () => {
    expect(open().tasks.size()).toEqual({ tasks: 0, bytes: 0 });
  });
});

describe("a list of tasks", () => {
  const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

  /** Tasks 1 to `count`, each sent a millisecond after the one before; every third fails, long after. */
  function filled(count: number) {
    const { tasks } = open();
    for (let n = 1; n <= count; n++) {
      tasks.addSent({ ...SENT, id: uuid(n), app: n % 2 === 0 ? "shop" : "mail", sentAtMs: n }, BROKER);
      if (n % 3 === 0) tasks.addReport({ ...FAILED, id: uuid(n) }, 1000 + n);
    }
    return tasks;
  }
  const numbers = (rows: readonly { id: string }[]) => rows.map(({ id }) => Number(id.slice(-12)));

  test("has those that were last heard of first, without results", () => {
    const listed = filled(6).latest({ limit: 4 });
    expect(numbers(listed)).toEqual([6, 3, 5, 4]);
    expect(listed[0]).toMatchObject({
      app: "shop",
      state: "FAILURE",
      sentAtMs: 6,
      touchedAtMs: 1006,
      url: "http://m/x",
    });
    expect(listed[0]).not.toHaveProperty("result");
  });

  test("has those of an app, or in a state, alone", () => {
    const tasks = filled(12);
    expect(numbers(tasks.latest({ app: "mail", limit: 3 }))).toEqual([9, 3, 11]);
    expect(numbers(tasks.latest({ state: "FAILURE", app: "shop", limit: 9 }))).toEqual([12, 6]);
  });

  test("goes on where the last one ended, and leaves none out that were heard of in one moment", () => {
    const { tasks } = open();
    for (const n of [1, 2, 3, 4]) tasks.addSent({ ...SENT, id: uuid(n), sentAtMs: n === 4 ? 9 : 5 }, BROKER);
    expect(numbers(tasks.latest({ limit: 2 })).toSorted()).toEqual([1, 2, 3, 4]);
    expect(numbers(tasks.latest({ limit: 2, beforeMs: 9 })).toSorted()).toEqual([1, 2, 3]);
    expect(tasks.latest({ limit: 2, beforeMs: 5 })).toEqual([]);
  });

  test("holds no task that nobody is known to have sent", () => {
    const { tasks } = open();
    tasks.addReport(OK, 900);
    expect(tasks.latest({ limit: 10 })).toEqual([]);
    expect(tasks.since(0, 10)).toEqual([]);
  });

  test("since a time has what was heard of then and later", () => {
    expect(numbers(filled(6).since(6, 9))).toEqual([6, 3]);
    expect(numbers(filled(6).since(1003, 1))).toEqual([6]);
  });
});
