import { describe, expect, test } from "bun:test";
import { EMPTY, withEvents, type Model } from "../state/model.ts";
import { branch, instance, queue } from "../test-things.ts";
import { concerns, growthOf } from "./concerns.ts";

const NOW = 10 * 60_000;

const model = (...events: [name: string, data: unknown][]): Model =>
  withEvents(
    EMPTY,
    events.map(([name, data]) => ({ name, data })),
    NOW,
  );

/** Title and names of each concern. */
const told = (state: Model) =>
  concerns(state, NOW).map(({ title, subjects }) => [title, subjects.map(({ name }) => name).join()]);

describe("concerns()", () => {
  test("has none where all is well, disabled and stopped instances among it", () => {
    const well = model(
      ["instance", instance("on")],
      ["instance", instance("off", { state: "disabled", is_enabled: false })],
      ["instance", instance("still", { state: "stopped" })],
      ["queue", queue("tasks", { messages: 3 })],
      ["queue", queue("idle", { messages: 0, consumers: 0 })],
      ["branch", branch("rack1")],
    );
    expect(told(well)).toEqual([]);
  });

  test("names what died too often before what does not answer, and that before what waits", () => {
    const bad = model(
      ["instance", instance("pause", { state: "backoff" })],
      ["instance", instance("mute", { state: "unresponsive" })],
      ["instance", instance("dead", { state: "disabled", disabled_reason: "it died 4 times in 60 s" })],
    );
    expect(told(bad)).toEqual([
      ["Died too often and were disabled", "dead"],
      ["Do not answer", "mute"],
      ["Died and wait to be started again", "pause"],
    ]);
  });

  test("tells of branches that are away, and not of their disks", () => {
    const away = model(
      ["branch", branch("rack1", { disk_use: 95 })],
      ["branch", branch("rack2", { is_up: false, disk_use: 99 })],
      ["silent", { branches: ["rack3"] }],
    );
    expect(told(away)).toEqual([
      ["Branches are away", "rack2"],
      ["Branches do not answer", "rack3"],
      ["Disks are nearly full", "rack1"],
    ]);
  });

  test("names an outage once: not the silent branch that is away, nor the instances of either", () => {
    const outage = model(
      ["branch", branch("rack1")],
      ["branch", branch("rack2", { is_up: false })],
      ["branch", branch("rack3")],
      ["silent", { branches: ["rack2", "rack3"] }],
      ["instance", instance("here", { state: "unknown" })],
      ["instance", instance("there", { state: "unknown", branch: "rack2" })],
      ["instance", instance("yonder", { state: "unknown", branch: "rack3" })],
    );
    expect(told(outage)).toEqual([
      ["Branches are away", "rack2"],
      ["Branches do not answer", "rack3"],
      ["Nobody can say how they are", "here"],
    ]);
  });

  test("tells of messages without a consumer, but not where the broker does not say", () => {
    const queues = model(
      ["queue", queue("alone", { messages: 1, consumers: 0 })],
      ["queue", queue("unknown", { messages: null, consumers: null })],
    );
    expect(told(queues)).toEqual([["Messages that nobody consumes", "alone"]]);
  });

  test("tells of a broker that is away, with why", () => {
    const ok = { state: "ok", since: "2026-01-01T00:00:00.000Z" };
    const brokers = { "amqp://b:5672//": { ...ok, state: "away", why: "connection refused" } };
    const health = { state: "degraded", store: ok, bus: ok, supervisor: ok, http: ok, results: ok, brokers };
    const [first] = concerns(model(["health", health]), NOW);
    expect(first?.subjects).toEqual([
      { name: "broker amqp://b:5672//", href: null, detail: "connection refused", since: ok.since },
    ]);
  });
});

describe("growthOf()", () => {
  const depths = (...points: [atMs: number, messages: number][]) =>
    points.map(([atMs, messages]) => ({ atMs, messages }));

  test("is what a queue has more than a minute ago", () => {
    expect(growthOf(depths([NOW - 90_000, 10], [NOW - 30_000, 20], [NOW, 40]), NOW)).toBe(30);
  });

  test("is nothing before a minute is known, below ten messages, and below a fifth", () => {
    expect(growthOf(depths([NOW - 30_000, 0], [NOW, 500]), NOW)).toBeNull();
    expect(growthOf(depths([NOW - 70_000, 0], [NOW, 9]), NOW)).toBeNull();
    expect(growthOf(depths([NOW - 70_000, 1000], [NOW, 1100]), NOW)).toBeNull();
    expect(growthOf(depths([NOW - 70_000, 50], [NOW, 20]), NOW)).toBeNull();
  });
});
