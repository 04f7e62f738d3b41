import { describe, expect, test } from "bun:test";
import {
  changedInstance,
  instanceParams,
  newInstance,
  parseBounds,
  parseInstanceChange,
  POOLS,
  type InstanceChange,
} from "./instance.ts";
import { NO_LAUNCH } from "./launch.ts";
import { NO_RESOURCES } from "./resources.ts";
import { refusal, words } from "./test-support.ts";

const made = (change: InstanceChange = {}) => newInstance({ name: "web", app: "shop", nowMs: 5 }, change);

describe("newInstance()", () => {
  test("is enabled, and runs one process of the pool prefork, where nothing is said", () => {
    expect(made()).toEqual({
      ...NO_LAUNCH,
      ...NO_RESOURCES,
      name: "web",
      app: "shop",
      pool: "prefork",
      maxConcurrency: 1,
      minConcurrency: 1,
      isEnabled: true,
      disabledReason: null,
      limitedAtMs: null,
      isHeld: false,
      isDeleted: false,
      restartSeq: 0,
      isRolling: false,
      hasStandin: false,
      restartFor: "people",
      queues: [],
      createdAtMs: 5,
    });
  });

  test("takes what is given, but the branch, which is not its to keep", () => {
    const instance = made({
      pool: "threads",
      maxConcurrency: 8,
      isEnabled: false,
      queues: ["a"],
      branch: "b1",
      cwd: "/x",
    });
    expect(instance).toMatchObject({ pool: "threads", maxConcurrency: 8, isEnabled: false, queues: ["a"], cwd: "/x" });
    expect("branch" in instance).toBe(false);
  });

  test("refuses min over max", () => {
    expect(words(() => made({ maxConcurrency: 2, minConcurrency: 3 }))).toBe(
      "Cannot use min: wanted at most max, which is 2, got 3",
    );
    expect(made({ maxConcurrency: 3, minConcurrency: 3 }).minConcurrency).toBe(3);
  });

  test("refuses more than one place in the pool solo", () => {
    expect(refusal(() => made({ pool: "solo", maxConcurrency: 2 })).facts).toMatchObject({
      parameter: "max_concurrency",
    });
    expect(made({ pool: "solo", maxConcurrency: 1 }).pool).toBe("solo");
  });
});

describe("changedInstance()", () => {
  const before = made({ maxConcurrency: 4, minConcurrency: 2, queues: ["a"] });
  const changed = (change: InstanceChange, from = before) => changedInstance(from, change);

  test.each<[string, InstanceChange]>([
    ["the broker", { broker: null }],
    ["the arguments", { arguments: "-E" }],
    ["the configuration", { extraConfig: "a=b" }],
    ["the command", { command: "x" }],
    ["the directory", { cwd: "/x" }],
    ["the environment", { env: {} }],
    ["the pool", { pool: "threads" }],
  ])("asks for a restart to take %s", (_what, change) => {
    expect(changed(change)).toEqual({ ...before, ...change, restartSeq: 1, isRolling: false });
  });

  test.each<[string, InstanceChange]>([
    ["nothing", {}],
    ["the bounds of prefork", { maxConcurrency: 9, minConcurrency: 0 }],
    ["the queues", { queues: ["b"] }],
    ["the stop timeout", { stopTimeoutS: 1 }],
    ["the same pool", { pool: "prefork" }],
    ["enabled or not", { isEnabled: false }],
  ])("asks for none to take %s", (_what, change) => expect(changed(change)).toEqual({ ...before, ...change }));

  test("restarts pools that cannot scale for another max, and not for another min", () => {
    const threads = made({ pool: "threads", maxConcurrency: 4 });
    expect(changed({ maxConcurrency: 5 }, threads).restartSeq).toBe(1);
    expect(changed({ maxConcurrency: 4, minConcurrency: 0 }, threads).restartSeq).toBe(0);
  });

  test("is taken out of a rolling restart by one of its own", () => {
    expect(changed({ cwd: "/x" }, { ...before, restartSeq: 7, isRolling: true })).toMatchObject({
      restartSeq: 8,
      isRolling: false,
    });
  });

  test.each<InstanceChange>([{ minConcurrency: 5 }, { maxConcurrency: 1 }, { pool: "solo" }])(
    "refuses %j, which does not agree with what is there",
    (change) => expect(refusal(() => changed(change)).code).toBe("invalid"),
  );
});

describe("parseInstanceChange()", () => {
  test("holds exactly what was given", () => {
    expect(parseInstanceChange({})).toEqual({});
    expect(parseInstanceChange({ min_concurrency: "0" })).toEqual({ minConcurrency: 0 });
  });

  test("takes every field of its own, queues sorted", () => {
    expect(
      parseInstanceChange({
        branch: "b1",
        pool: "threads",
        queues: "b,a,b",
        max_concurrency: "10000",
        min_concurrency: 0,
        is_enabled: "no",
        cwd: "/x",
      }),
    ).toEqual({
      branch: "b1",
      pool: "threads",
      queues: ["a", "b"],
      maxConcurrency: 10_000,
      minConcurrency: 0,
      isEnabled: false,
      cwd: "/x",
    });
  });

  test("null resets", () => {
    expect(
      parseInstanceChange({
        branch: null,
        pool: null,
        queues: null,
        max_concurrency: null,
        min_concurrency: null,
        is_enabled: null,
      }),
    ).toEqual({ pool: "prefork", queues: [], maxConcurrency: 1, minConcurrency: 1, isEnabled: true });
  });

  test.each([...POOLS])("knows the pool %s", (pool) => expect(parseInstanceChange({ pool })).toEqual({ pool }));
  test("the old name processes means prefork", () => {
    expect(parseInstanceChange({ pool: "processes" })).toEqual({ pool: "prefork" });
  });

  test.each<[string, unknown]>([
    ["pool", "fork"],
    ["pool", "Prefork"],
    ["pool", 1],
    ["queues", "a,b c"],
    ["queues", ["dq.web"]],
    ["queues", "amq.x"],
    ["queues", 5],
    ["max_concurrency", 0],
    ["max_concurrency", 10_001],
    ["max_concurrency", "many"],
    ["min_concurrency", -1],
    ["min_concurrency", 10_001],
    ["is_enabled", "maybe"],
    ["branch", "a b"],
    ["branch", ""],
    ["branch", 5],
  ])("refuses %s %j", (field, value) => {
    expect(refusal(() => parseInstanceChange({ [field]: value })).code).toBe("invalid");
  });
});

describe("parseBounds()", () => {
  test("takes max, min, both or none", () => {
    expect([{}, { max: "3" }, { min: 0 }, { max: 2, min: "2" }].map(parseBounds)).toEqual([
      {},
      { maxConcurrency: 3 },
      { minConcurrency: 0 },
      { maxConcurrency: 2, minConcurrency: 2 },
    ]);
  });
  test.each<[string, unknown]>([
    ["max", 0],
    ["max", 1.5],
    ["max", 10_001],
    ["min", -1],
    ["min", "x"],
  ])("refuses %s %j", (field, value) => {
    expect(refusal(() => parseBounds({ [field]: value })).facts).toMatchObject({ parameter: field });
  });
});

test("instanceParams() are those that make the same instance on another branch", () => {
  const instance = made({
    arguments: "-A x",
    stopTimeoutS: 5,
    pool: "threads",
    maxConcurrency: 3,
    minConcurrency: 2,
    queues: ["a", "b"],
    isEnabled: false,
    restartMaxRate: "3/h",
    user: "www-data",
    maxMemory: 2 ** 30,
    maxAgeS: 3600.5,
  });
  expect(made(parseInstanceChange(instanceParams(instance)))).toEqual(instance);
  expect(made(parseInstanceChange(instanceParams(made())))).toEqual(made());
});

test("a change of the user restarts the worker, one of its limits does not", () => {
  const before = made();
  expect(changedInstance(before, { user: "www-data" }).restartSeq).toBe(1);
  for (const change of [{ maxMemory: 2 ** 30 }, { maxAgeS: 60 }, { restartMaxRate: "3/h" }]) {
    expect(changedInstance(before, change).restartSeq).toBe(0);
  }
});
