import { describe, expect, test } from "bun:test";
import { parseBrokerUrl } from "./broker.ts";
import { needsRestart, NO_LAUNCH, onlyChanged, parseLaunch, resolveLaunch, type Launch } from "./launch.ts";
import { refusal, words } from "./test-support.ts";

const broker = (vhost: string) => parseBrokerUrl("broker", `amqp://h/${vhost}`);

describe("parseLaunch()", () => {
  test("holds exactly what was given", () => {
    expect(parseLaunch({})).toEqual({});
    expect(parseLaunch({ cwd: "/srv" })).toEqual({ cwd: "/srv" });
  });

  test("takes every field", () => {
    const env = { A: "1" };
    expect(
      parseLaunch({
        broker: "amqp://h/a",
        arguments: "-A proj",
        extra_config: "a=b",
        command: "/venv/bin/celery",
        cwd: "/srv",
        env,
        stop_timeout: "2.5",
      }),
    ).toEqual({
      broker: broker("a"),
      arguments: "-A proj",
      extraConfig: "a=b",
      command: "/venv/bin/celery",
      cwd: "/srv",
      env,
      stopTimeoutS: 2.5,
    });
  });

  const fields = ["broker", "arguments", "extra_config", "command", "cwd", "env", "stop_timeout"];
  test.each([null, ""])("%j resets every field to the default", (value) => {
    expect(parseLaunch(Object.fromEntries(fields.map((field) => [field, value])))).toEqual(NO_LAUNCH);
  });

  test.each<[string, unknown, string]>([
    ["arguments", "-c 4", "max_concurrency"],
    ["arguments", "'", "not closed"],
    ["arguments", 5, "text"],
    ["extra_config", "x", "key=value"],
    ["command", " ", "how to call Celery"],
    ["command", '"', "not closed"],
    ["cwd", "srv", "an absolute path"],
    ["cwd", `/${"a".repeat(4000)}`, "at most 4000"],
    ["env", ["A=1"], "a JSON object"],
    ["env", "A=1", "a JSON object"],
    ["env", { CELERY_BROKER_URL: "x" }, "broker parameter"],
    ["env", { CELERY_BROKER_READ_URL: "x" }, "broker parameter"],
    ["env", { CELERY_BROKER_WRITE_URL: "x" }, "broker parameter"],
    ["stop_timeout", -1, "seconds"],
    ["stop_timeout", "soon", "seconds"],
    ["stop_timeout", 604_801, "seconds from 0 to 604800"],
    ["broker", "redis://h", "amqp://"],
  ])("refuses %s %j", (field, value, said) => {
    expect(refusal(() => parseLaunch({ [field]: value })).code).toBe("invalid");
    expect(words(() => parseLaunch({ [field]: value }))).toContain(said);
  });

  test("0 s of patience is possible", () => expect(parseLaunch({ stop_timeout: 0 })).toEqual({ stopTimeoutS: 0 }));
});

describe("needsRestart()", () => {
  test("is so for what a worker is started with", () => {
    for (const key of ["broker", "arguments", "extraConfig", "command", "cwd", "env"]) {
      expect(needsRestart({ [key]: null })).toBe(true);
    }
  });
  test("is not so for nothing, nor for the stop timeout, which is read when it is used", () => {
    expect([needsRestart({}), needsRestart({ stopTimeoutS: 5 })]).toEqual([false, false]);
  });
});

test("onlyChanged() keeps what differs, comparing by what is in it", () => {
  const before: Launch = { ...NO_LAUNCH, broker: broker("a"), env: { A: "1" }, cwd: "/a" };
  expect(onlyChanged(before, { broker: broker("a"), env: { A: "1" }, cwd: "/a", command: null })).toEqual({});
  expect(onlyChanged(before, { broker: broker("b"), env: {}, cwd: null })).toEqual({
    broker: broker("b"),
    env: {},
    cwd: null,
  });
});

describe("resolveLaunch()", () => {
  const defaults = { broker: broker("default"), command: "celery" };
  const full = (mark: string): Launch => ({
    broker: broker(mark),
    arguments: `-E ${mark}`,
    extraConfig: `a=${mark}`,
    command: mark,
    cwd: `/${mark}`,
    env: { OF: mark, [mark]: "1" },
    stopTimeoutS: mark.length,
  });

  test("falls back to the branch, and 60 s to stop", () => {
    expect(resolveLaunch(NO_LAUNCH, NO_LAUNCH, defaults)).toEqual({
      broker: broker("default"),
      arguments: null,
      extraConfig: null,
      command: "celery",
      cwd: null,
      env: {},
      stopTimeoutS: 60,
    });
  });

  test("takes what the app says over that", () => {
    expect(resolveLaunch(NO_LAUNCH, full("app"), defaults)).toEqual({ ...full("app") } as never);
  });

  test("takes what the instance says over both, and adds its variables to the app's", () => {
    expect(resolveLaunch(full("instance"), full("app"), defaults)).toEqual({
      ...full("instance"),
      env: { OF: "instance", app: "1", instance: "1" },
    } as never);
  });

  test("0 s to stop is a wish like others", () => {
    expect(resolveLaunch({ ...NO_LAUNCH, stopTimeoutS: 0 }, full("app"), defaults).stopTimeoutS).toBe(0);
  });
});
