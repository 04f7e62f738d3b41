import { describe, expect, test } from "bun:test";
import { areInOrder, moved, topOf } from "./bounds.ts";

describe("moved()", () => {
  test.each([
    [{ min: 2, max: 8 }, "max", 4, { min: 2, max: 4 }],
    [{ min: 2, max: 8 }, "max", 1, { min: 2, max: 1 }],
    [{ min: 2, max: 8 }, "min", 12, { min: 12, max: 8 }],
    [{ min: 0, max: 1 }, "min", -3, { min: 0, max: 1 }],
    [{ min: 0, max: 1 }, "max", 0, { min: 0, max: 1 }],
    [{ min: 1, max: 2 }, "max", 99_999, { min: 1, max: 10_000 }],
    [{ min: 1, max: 2 }, "max", Number.NaN, { min: 1, max: 2 }],
  ] as const)("%j with %s at %p is %j", (before, key, value, after) =>
    expect(moved(before, key, value)).toEqual(after),
  );
});

test("the fewest are not more than the most", () => {
  expect([areInOrder({ min: 4, max: 1 }), areInOrder({ min: 1, max: 1 })]).toEqual([false, true]);
});

test("a slider ends well above what is there", () => {
  expect([1, 8, 9, 100, 9000].map((max) => topOf({ min: 0, max }))).toEqual([16, 16, 32, 256, 10_000]);
});
