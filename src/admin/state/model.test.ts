import { describe, expect, test } from "bun:test";
import { branch, instance, queue } from "../test-things.ts";
import { DEPTH_MS, EMPTY, queueKey, withEvents, type LiveEvent, type Model } from "./model.ts";

const told = (model: Model, ...events: [name: string, data: unknown][]): Model =>
  withEvents(
    model,
    events.map(([name, data]): LiveEvent => ({ name, data })),
    1000,
  );

describe("withEvents()", () => {
  test("takes up what there is, and the newer one of two", () => {
    const model = told(
      EMPTY,
      ["instance", instance("web", { state: "starting" })],
      ["branch", branch("rack1")],
      ["queue", queue("tasks")],
      ["instance", instance("web", { state: "running" })],
    );
    expect([...model.instances.values()].map(({ name, state }) => [name, state])).toEqual([["web", "running"]]);
    expect([...model.branches.keys()]).toEqual(["rack1"]);
    expect([...model.queues.keys()]).toEqual([queueKey(queue("tasks"))]);
  });

  test("drops what has gone, and queues of one app alone", () => {
    const before = told(EMPTY, ["queue", queue("tasks")], ["queue", queue("tasks", { app: "mail" })]);
    const after = told(before, ["queue-gone", { app: "shop", name: "tasks" }], ["instance-gone", { name: "never" }]);
    expect([...after.queues.keys()]).toEqual(["mail/tasks"]);
    expect([...after.depths.keys()]).toEqual(["mail/tasks"]);
  });

  test("leaves the model from before as it was, and maps that did not change the same", () => {
    const before = told(EMPTY, ["instance", instance("web")], ["branch", branch("rack1")]);
    const after = told(before, ["instance-gone", { name: "web" }]);
    expect([before.instances.size, after.instances.size]).toEqual([1, 0]);
    expect(after.branches).toBe(before.branches);
    expect(told(before)).toBe(before);
  });

  test("keeps samples of those that a later sample does not name", () => {
    const sample = { cpu: 1, rss: 2, tasks: null };
    const model = told(EMPTY, ["samples", { at: 1, instances: { a: sample } }], ["samples", { at: 2, instances: {} }]);
    expect(model.samples.get("a")).toEqual(sample);
  });

  test("keeps the newest tasks alone, and each once", () => {
    const task = (uuid: string, state = "SENT") => ["task", { uuid, state }] as [string, unknown];
    const many = Array.from({ length: 600 }, (_, at) => task(`t${at}`));
    const model = told(EMPTY, task("first"), ...many, task("t599", "SUCCESS"));
    expect(model.tasks.size).toBe(500);
    expect(model.tasks.has("first")).toBe(false);
    expect(model.tasks.get("t599")?.state).toBe("SUCCESS");
  });

  test("keeps depths of some minutes, with the last one before that time", () => {
    const at = (model: Model, nowMs: number, messages: number) =>
      withEvents(model, [{ name: "queue", data: queue("tasks", { messages }) }], nowMs);
    const model = at(at(at(at(EMPTY, 1, 1), 2, 2), 3, 3), DEPTH_MS + 2, 4);
    expect(model.depths.get("shop/tasks")?.map(({ messages }) => messages)).toEqual([2, 3, 4]);
  });

  test("passes over events of a newer branch", () => {
    const model = told(EMPTY, ["weather", { is: "fine" }]);
    expect(model).toEqual(EMPTY);
  });
});
