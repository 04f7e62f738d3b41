import { expect, test } from "bun:test";
import { beatMs } from "./presence.ts";

test("heartbeats come every two seconds in a small cluster", () => {
  expect([1, 5, 44].map(beatMs)).toEqual([2_000, 2_000, 2_000]);
});

test("all heartbeats of a large cluster are at most a thousand deliveries a second", () => {
  for (let members = 1; members <= 1_000; members++) {
    expect(members * members).toBeLessThanOrEqual(beatMs(members));
  }
  expect(beatMs(100)).toBe(10_000);
});
