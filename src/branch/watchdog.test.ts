import { beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { createLog } from "../kit/log.ts";
import { turning, Watchdog, type Service } from "./watchdog.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

let clock: ManualClock;
let lines: string[];
let givenUp: string[];
let watchdog: Watchdog;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  givenUp = [];
});

function watch(...services: Service[]): Service[] {
  const log = createLog({ level: "INFO", to: { write: (line) => lines.push(line.slice(25, -1)) > 0 } });
  const left = [...services];
  watchdog = new Watchdog({ clock, log, services: () => left, onGivenUp: (name) => givenUp.push(name) });
  watchdog.start();
  return left;
}

const well = (name: string): Service => ({ name, ask: async () => undefined });
const failing = (name: string): Service => ({ name, ask: () => Promise.reject(new Error("it is broken")) });
const silent = (name: string): Service => ({ name, ask: () => new Promise(() => {}) });

describe("parts that work", () => {
  test("are asked every 5 s, and nothing is said of them", async () => {
    let asked = 0;
    watch({ name: "store", ask: async () => void asked++ });
    await clock.advance(50 * SECOND_MS);
    expect([asked, lines, watchdog.isWell]).toEqual([11, [], true]);
    expect(watchdog.state("store")).toEqual({ state: "ok", sinceMs: clock.now() - 50 * SECOND_MS });
  });

  test("are not known before they were asked", () => {
    watch();
    expect(watchdog.state("store")).toBeUndefined();
  });
});

describe.each([
  ["says that it is broken", failing, "it is broken"],
  ["does not answer", silent, "it does not answer"],
])("a part that %s", (_, service, why) => {
  test("is failed from the second time on, which is told once", async () => {
    watch(well("http"), service("store"));
    await clock.advance(4 * SECOND_MS);
    expect([watchdog.isWell, lines]).toEqual([true, []]);
    await clock.advance(6 * SECOND_MS);
    expect(watchdog.isWell).toBe(false);
    expect(watchdog.state("store")).toMatchObject({ state: "failed", why });
    expect(watchdog.state("http")).toMatchObject({ state: "ok" });
    await clock.advance(5 * MINUTE_MS);
    expect(lines).toEqual([`ERROR a part of the branch does not work part=store why="${why}"`]);
  });

  test("is given up after 600 s, once, and named", async () => {
    watch(well("http"), service("store"));
    await clock.advance(9 * MINUTE_MS);
    expect(givenUp).toEqual([]);
    await clock.advance(5 * MINUTE_MS);
    expect(givenUp).toEqual(["store"]);
    expect(lines.at(-1)).toBe(
      `CRITICAL a part of the branch is given up: the branch ends, its workers stay part=store why="${why}" failed_s=600`,
    );
  });
});

test("a part that works again has all its time again", async () => {
  let isBroken = true;
  watch({ name: "store", ask: () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve(undefined)) });
  await clock.advance(9 * MINUTE_MS);
  isBroken = false;
  await clock.advance(5 * SECOND_MS);
  expect(watchdog.state("store")).toEqual({ state: "ok", sinceMs: clock.now() });
  expect(lines.at(-1)).toMatch(/^INFO a part of the branch works again part=store failed_since=\S+Z$/);
  isBroken = true;
  await clock.advance(9 * MINUTE_MS);
  expect(givenUp).toEqual([]);
});

test("a part that answers late, but does, works", async () => {
  let answer = () => {};
  watch({ name: "http", ask: () => new Promise((resolve) => (answer = () => resolve(undefined))) });
  await clock.advance(9 * MINUTE_MS);
  expect(watchdog.isWell).toBe(false);
  answer();
  await clock.advance(0);
  expect(watchdog.isWell).toBe(true);
});

test("trouble that comes from outside is told once, and the part is never given up", async () => {
  let trouble: string | undefined = "the disk is full";
  watch({ name: "store", ask: async () => (trouble === undefined ? undefined : { trouble }) });
  await clock.advance(60 * MINUTE_MS);
  expect([watchdog.isWell, givenUp]).toEqual([true, []]);
  expect(watchdog.state("store")).toMatchObject({ state: "failed", why: "the disk is full" });
  trouble = undefined;
  await clock.advance(10 * SECOND_MS);
  expect(watchdog.state("store")).toMatchObject({ state: "ok" });
  expect(lines).toEqual([
    'ERROR a part of the branch cannot work part=store why="the disk is full"',
    expect.stringMatching(/^INFO a part of the branch works again part=store failed_since=\S+Z$/),
  ]);
});

test("a part that is gone is forgotten", async () => {
  const services = watch(well("http"), failing("broker x"));
  await clock.advance(MINUTE_MS);
  services.pop();
  await clock.advance(10 * MINUTE_MS);
  expect([watchdog.isWell, watchdog.state("broker x"), givenUp]).toEqual([true, undefined, []]);
});

test("a machine that was paused, or a clock that was set, is nobody's silence", async () => {
  let isBroken = true;
  let setMs = 0;
  const jumping = { now: () => clock.now() + setMs, after: clock.after.bind(clock), sleep: clock.sleep.bind(clock) };
  const log = createLog({ level: "INFO", to: { write: () => true } });
  const ask = () => (isBroken ? Promise.reject(new Error("broken")) : Promise.resolve(undefined));
  watchdog = new Watchdog({
    clock: jumping,
    log,
    services: () => [{ name: "store", ask }],
    onGivenUp: (name) => givenUp.push(name),
  });
  watchdog.start();
  await clock.advance(10 * SECOND_MS);
  setMs = 24 * 60 * MINUTE_MS;
  await clock.advance(10 * SECOND_MS);
  setMs = -24 * 60 * MINUTE_MS;
  await clock.advance(10 * SECOND_MS);
  expect(givenUp).toEqual([]);
  isBroken = false;
  await clock.advance(5 * SECOND_MS);
  expect(watchdog.isWell).toBe(true);
});

test("nobody is asked any more once it is stopped", async () => {
  let asked = 0;
  watch({ name: "store", ask: async () => void asked++ });
  watchdog.stop();
  await clock.advance(MINUTE_MS);
  expect(asked).toBe(1);
});

describe("a part that counts its turns", () => {
  test("works as long as they grow", async () => {
    let turns = 0;
    const ask = turning(() => turns++, 10 * SECOND_MS);
    for (let look = 0; look < 100; look++) await ask();
  });

  test("does not once they have not grown for longer than may be, and does again when they do", async () => {
    let turns = 7;
    const ask = turning(() => turns, 10 * SECOND_MS);
    await ask();
    await ask();
    await expect(ask()).rejects.toThrow("it has done nothing for 10 s");
    turns++;
    await ask();
  });
});
