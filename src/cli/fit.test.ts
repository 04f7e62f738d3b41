import { describe, expect, test } from "bun:test";
import { cut, fit, wrapped } from "./fit.ts";

describe("columns", () => {
  test("that have room are as wide as what is in them", () => {
    expect(fit([3, 20, 5], 28)).toEqual([3, 20, 5]);
    expect(fit([3, 20, 5], Number.POSITIVE_INFINITY)).toEqual([3, 20, 5]);
  });

  test("that have not give way, the widest first", () => {
    expect(fit([3, 20, 5], 24)).toEqual([3, 16, 5]);
    expect(fit([30, 20, 5], 35)).toEqual([15, 15, 5]);
    expect(fit([30, 29, 28], 86)).toEqual([29, 29, 28]);
  });

  test("keep eight characters each, whatever there is", () => {
    expect(fit([3, 20, 30], 10)).toEqual([3, 8, 8]);
  });
});

test("what is cut ends with … and is as wide as was asked, where characters are wide too", () => {
  expect(cut("instances", 5)).toBe("inst…");
  expect(cut("web", 3)).toBe("web");
  expect(Bun.stringWidth(cut("工作工作工作", 7))).toBeLessThanOrEqual(7);
  expect(cut("x".repeat(999), Number.POSITIVE_INFINITY)).toHaveLength(999);
});

test("words are wrapped, and a long one has a line of its own", () => {
  expect(wrapped("a bb ccc dddddddd e", 6)).toEqual(["a bb", "ccc", "dddddddd", "e"]);
});
