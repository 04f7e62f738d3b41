import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { HealthReport } from "../controller/health.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { SelfWatch, statusLine } from "./self-watch.ts";

const SECOND_MS = 1000;
const ok = { state: "ok", sinceMs: 0 };
const WELL: HealthReport = {
  state: "ok",
  store: ok,
  bus: { state: "up", sinceMs: 0 },
  supervisor: ok,
  http: ok,
  results: ok,
  loop: undefined,
  brokers: {},
};

describe("health in one line", () => {
  test("is ok where all is well", () => expect(statusLine(WELL)).toBe("ok"));

  test("names what does not work, and why", () => {
    const away = { state: "away", sinceMs: 0, why: "connect ECONNREFUSED" };
    const store = { state: "failed", sinceMs: 0, why: "the disk is full" };
    const line = statusLine({ ...WELL, state: "failed", store, brokers: { "amqp://a//": away } });
    expect(line).toBe("failed: store failed (the disk is full); amqp://a// away (connect ECONNREFUSED)");
  });
});

describe("what systemd is told", () => {
  let clock: ManualClock;
  let told: string[];
  let report: HealthReport;
  let isBroken: boolean;
  let self: SelfWatch;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    report = WELL;
    isBroken = false;
    const notifier = {
      watchdogMs: 2 * SECOND_MS,
      alive: () => told.push("alive"),
      status: (line: string) => told.push(line),
    };
    self = new SelfWatch({ clock, log: silentLog, logFile: undefined, notifier });
    const ask = () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve(undefined));
    self.start({ services: () => [{ name: "store", ask }], health: { report: () => report } });
  });
  afterEach(() => self.stop());

  test("is that it is alive, at half the time that systemd waits", async () => {
    await clock.advance(3 * SECOND_MS);
    expect(told).toEqual(["ok", "alive", "alive", "alive", "alive"]);
  });

  test("is nothing more while a part does not work, and all is told again when it does", async () => {
    isBroken = true;
    await clock.advance(30 * SECOND_MS);
    told.length = 0;
    await clock.advance(60 * SECOND_MS);
    expect(told).toEqual([]);
    isBroken = false;
    await clock.advance(10 * SECOND_MS);
    expect(told).toContain("alive");
  });

  test("is its health, when that changes", async () => {
    report = { ...WELL, state: "degraded", results: { ...ok, state: "failed" } };
    await clock.advance(20 * SECOND_MS);
    expect(told.filter((text) => text !== "alive")).toEqual(["ok", "degraded: results failed"]);
  });
});
