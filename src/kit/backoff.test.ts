import { expect, test } from "bun:test";
import { backoffMs } from "./backoff.ts";

test("doubles from the first wait up to the last one", () => {
  const waits = [0, 1, 2, 3, 4, 5, 100, 5000].map((failures) => backoffMs(failures, 500, 10_000, 0));
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test("never waits longer than the last wait, even at first", () => {
  expect(backoffMs(0, 500, 100, 0)).toBe(100);
});

test("is up to a quarter shorter by chance, so that many do not come back at once", () => {
  expect(backoffMs(1, 500, 10_000, 0.5)).toBe(875);
  const waits = Array.from({ length: 200 }, () => backoffMs(1, 500, 10_000));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(750);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1000);
  expect(new Set(waits).size).toBeGreaterThan(10);
});
