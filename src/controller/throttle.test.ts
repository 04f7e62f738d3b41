import { describe, expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { Throttle } from "./throttle.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";

function setup() {
  const clock = new ManualClock();
  const throttle = new Throttle(clock);
  /** As somebody does who waits as long as he has to. */
  const guess = async (times: number, name: string, address: string) => {
    for (let n = 0; n < times; n++) {
      await clock.advance(throttle.waitMs(name, address));
      throttle.wrong(name, address);
    }
  };
  return { clock, throttle, guess };
}

describe("who guesses a password", () => {
  test("may be wrong four times without waiting", async () => {
    const { throttle, guess } = setup();
    await guess(4, "ann", HERE);
    expect(throttle.waitMs("ann", HERE)).toBe(0);
  });

  test("then waits twice as long each time, five minutes at most", async () => {
    const { throttle, guess } = setup();
    await guess(4, "ann", HERE);
    const waits: number[] = [];
    for (let n = 0; n < 11; n++) {
      await guess(1, "ann", HERE);
      waits.push(throttle.waitMs("ann", HERE) / 1000);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  test("begins anew half an hour later, and once he was right", async () => {
    const { clock, throttle, guess } = setup();
    await guess(6, "ann", HERE);
    await clock.advance(30 * 60_000);
    await guess(1, "ann", HERE);
    expect(throttle.waitMs("ann", HERE)).toBe(0);
    await guess(6, "ann", HERE);
    throttle.right("ann", HERE);
    expect(throttle.waitMs("ann", HERE)).toBe(0);
  });

  test("does not keep anybody at another address waiting", async () => {
    const { throttle, guess } = setup();
    await guess(20, "ann", HERE);
    expect(throttle.waitMs("ann", HERE)).toBeGreaterThan(60_000);
    expect(throttle.waitMs("ann", THERE)).toBe(0);
  });

  test("of one name from many addresses keeps all waiting a little, but not where the name was right before", async () => {
    const { throttle } = setup();
    throttle.right("ann", HERE);
    for (let n = 0; n < 100; n++) throttle.wrong("ann", `198.51.100.${n}`);
    expect(throttle.waitMs("ann", THERE)).toBe(5000);
    expect(throttle.waitMs("ann", HERE)).toBe(0);
    expect(throttle.waitMs("bob", THERE)).toBe(0);
  });

  test("of many names from one address keeps that one waiting", async () => {
    const { throttle } = setup();
    for (let n = 0; n < 40; n++) throttle.wrong(`user${n}`, HERE);
    expect(throttle.waitMs("ann", HERE)).toBe(30_000);
    expect(throttle.waitMs("ann", THERE)).toBe(0);
  });

  test("has no more addresses than networks, with IPv6", async () => {
    const { throttle } = setup();
    for (let n = 1; n < 12; n++) throttle.wrong("ann", `2001:db8:0:7::${n}`);
    expect(throttle.waitMs("ann", "2001:db8:0:7:1::5")).toBeGreaterThan(0);
    expect(throttle.waitMs("ann", "2001:db8:0:8::1")).toBe(0);
  });
});
