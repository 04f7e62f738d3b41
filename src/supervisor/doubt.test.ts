import { describe, expect, test } from "bun:test";
import { POOLS } from "../domain/instance.ts";
import type { Vitals } from "../kit/processes.ts";
import { excuseOf, type SilentWorker, type VitalsLook } from "./doubt.ts";

const look = (atMs: number, fields: Partial<Vitals> = {}): VitalsLook => ({
  atMs,
  vitals: { isStopped: false, isAsleep: true, cpuMs: 1000, waitsIn: "do_epoll_wait", pollers: 1, ...fields },
});
const BEFORE = look(0);
const BLOCKING = POOLS.filter((pool) => pool !== "prefork");

const worker = (fields: Partial<SilentWorker> = {}): SilentWorker => ({ pool: "solo", hasAnswered: true, ...fields });
const excuse = (fields: Partial<Vitals>, silent = worker()) => excuseOf(silent, BEFORE, look(5000, fields));

describe("a silent worker has no excuse", () => {
  test.each(POOLS)("being stopped, of the pool %s", (pool) => {
    const stopped = look(0, { isStopped: true, isAsleep: false });
    expect(excuseOf({ pool, hasAnswered: true }, undefined, stopped)).toBeNull();
    expect(excuseOf({ pool, hasAnswered: false }, undefined, stopped)).toBeNull();
  });
  test("of the pool prefork, whatever it does: its event loop does not perform tasks", () => {
    const prefork = worker({ pool: "prefork" });
    for (const busy of [{ isAsleep: false }, { cpuMs: 6000 }, { waitsIn: "futex_wait" }, { waitsIn: null }]) {
      expect(excuse(busy, prefork)).toBeNull();
    }
    expect(excuseOf(prefork, undefined, BEFORE)).toBeNull();
  });
  test.each(BLOCKING)("of the pool %s that waits for messages", (pool) => {
    expect(excuse({}, worker({ pool }))).toBeNull();
    expect(excuse({ waitsIn: "ep_poll" }, worker({ pool }))).toBeNull();
  });
  test("that never answered and does nothing, wherever it waits", () => {
    const starting = worker({ pool: "prefork", hasAnswered: false });
    expect(excuse({ waitsIn: "inet_wait_for_connect" }, starting)).toBeNull();
    expect(excuse({ waitsIn: null, pollers: null }, starting)).toBeNull();
  });
  test("for the little that an idle worker computes", () => {
    expect(excuse({ cpuMs: 1250 })).toBeNull();
    expect(excuseOf(worker(), BEFORE, look(100, { cpuMs: 1020 }))).toBeNull();
  });
});

describe("a silent worker has an excuse", () => {
  test.each<[string, Partial<Vitals>]>([
    ["its process is running", { isAsleep: false }],
    ["its process is working", { cpuMs: 1260 }],
    ["its process waits in hrtimer_nanosleep, not for messages", { waitsIn: "hrtimer_nanosleep" }],
    ["its process waits in unix_stream_read_generic, not for messages", { waitsIn: "unix_stream_read_generic" }],
    ["its process waits in poll_schedule_timeout, not for messages", { waitsIn: "poll_schedule_timeout" }],
    ["nobody can tell what its process waits for", { waitsIn: null }],
    ["its process has not one event loop alone", { pollers: 2 }],
    ["its process has not one event loop alone", { pollers: null }],
  ])("%s", (why, fields) => {
    for (const pool of BLOCKING) expect(excuse(fields, worker({ pool }))).toBe(why);
  });
  test("when it is looked at for the first time", () => {
    expect(excuseOf(worker(), undefined, BEFORE)).toBe("its process was looked at for the first time");
  });
  test("while it is starting and computes, of the pool prefork too: it may be loading a project", () => {
    const starting = worker({ pool: "prefork", hasAnswered: false });
    expect(excuse({ cpuMs: 4000 }, starting)).toBe("its process is working");
    expect(excuse({ isAsleep: false }, starting)).toBe("its process is running");
  });
});
