import { expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { Stretch } from "./stretch.ts";

const INTERVAL_MS = 5000;

function open(): { clock: ManualClock; stretch: Stretch } {
  const clock = new ManualClock();
  return { clock, stretch: new Stretch(clock, INTERVAL_MS) };
}

test("sums the time between looks, from the first one that finds it so", async () => {
  const { clock, stretch } = open();
  expect(stretch.note(true)).toBe(0);
  for (const sum of [4000, 8000, 12_000]) {
    await clock.advance(4000);
    expect(stretch.note(true)).toBe(sum);
  }
  expect(stretch.ms).toBe(12_000);
});

test("begins anew where a look finds it otherwise", async () => {
  const { clock, stretch } = open();
  stretch.note(true);
  await clock.advance(4000);
  stretch.note(true);
  expect(stretch.note(false)).toBe(0);
  await clock.advance(4000);
  expect(stretch.note(true)).toBe(0);
});

test("counts no more than two intervals between looks: nobody was looking in the rest", async () => {
  const { clock, stretch } = open();
  stretch.note(true);
  await clock.advance(3_600_000);
  expect(stretch.note(true)).toBe(2 * INTERVAL_MS);
});

test("counts nothing where the clock was set back", () => {
  let nowMs = 1_000_000;
  const stretch = new Stretch({ ...new ManualClock(), now: () => nowMs } as ManualClock, INTERVAL_MS);
  stretch.note(true);
  nowMs -= 500_000;
  expect(stretch.note(true)).toBe(0);
  nowMs += 4000;
  expect(stretch.note(true)).toBe(4000);
});
