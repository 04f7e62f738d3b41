import { describe, expect, test } from "bun:test";
import { ManualClock, systemClock } from "./clock.ts";

describe("a clock moved by hand", () => {
  test("stands still until it is moved", async () => {
    const clock = new ManualClock(1000);
    const fired: string[] = [];
    clock.after(0, () => fired.push("at once"));
    expect([clock.now(), fired]).toEqual([1000, []]);
    await clock.advance(0);
    expect([clock.now(), fired]).toEqual([1000, ["at once"]]);
  });

  test("fires timers in the order of their times, those of one time in the order that they were set", async () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name} ${clock.now()}`);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(30, note("d"));
    clock.after(20, note("b"));
    clock.after(31, note("not yet"));
    await clock.advance(30);
    expect(fired).toEqual(["a 10", "b 20", "c 30", "d 30"]);
    expect(clock.now()).toBe(30);
  });

  test("fires a timer once, and not when it was cancelled", async () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    clock.after(10, () => fired.push("kept"));
    const cancel = clock.after(10, () => fired.push("cancelled"));
    cancel();
    cancel();
    await clock.advance(10);
    await clock.advance(100);
    expect(fired).toEqual(["kept"]);
  });

  test("fires what timers set on the way, at its own time", async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.now());
      clock.after(10, again);
    };
    clock.after(10, again);
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  test("lets what waits for a timer run on before the next one", async () => {
    const clock = new ManualClock(0);
    const seen: number[] = [];
    const walk = async () => {
      for (let step = 0; step < 3; step++) {
        await clock.sleep(10);
        seen.push(clock.now());
      }
    };
    const walking = walk();
    await clock.advance(30);
    await walking;
    expect(seen).toEqual([10, 20, 30]);
  });

  test.each([3_600_000, -3_600_000])("that is set by %d ms fires timers as if it was not", async (ms) => {
    const clock = new ManualClock(10_000_000);
    const fired: number[] = [];
    clock.after(10, () => fired.push(clock.now()));
    clock.set(ms);
    await clock.advance(9);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([10_000_010 + ms]);
  });

  test("takes a time before now for now", async () => {
    const clock = new ManualClock(100);
    let at = 0;
    clock.after(-50, () => (at = clock.now()));
    await clock.advance(1);
    expect(at).toBe(100);
  });
});

describe.each([
  ["the machine's clock", () => systemClock],
  ["a clock moved by hand", () => new ManualClock()],
] as const)("sleeping on %s", (_name, open) => {
  test("ends at once where it is aborted, before and meanwhile", async () => {
    const clock = open();
    const startMs = performance.now();
    const abort = new AbortController();
    const sleeping = clock.sleep(60_000, abort.signal);
    abort.abort();
    await sleeping;
    await clock.sleep(60_000, abort.signal);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

describe("the machine's clock", () => {
  test("says milliseconds since the epoch", () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  });

  test("fires after its time, and not when it was cancelled", async () => {
    const fired: string[] = [];
    systemClock.after(1, () => fired.push("cancelled"))();
    const startMs = performance.now();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(4);
    expect(fired).toEqual([]);
  });

  test("does not fire at once for a time beyond what timers can hold", async () => {
    let isFired = false;
    const cancel = systemClock.after(Number.POSITIVE_INFINITY, () => (isFired = true));
    await systemClock.sleep(5);
    cancel();
    expect(isFired).toBe(false);
  });
});
