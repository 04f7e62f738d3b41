import { describe, expect, test } from "bun:test";
import { toggled } from "./selection.ts";

const keys = ["a", "b", "c", "d", "e"];
const after = (selected: string[], at: number, from: number) =>
  [...toggled(new Set(selected), keys, at, from)].toSorted();

describe("toggled()", () => {
  test("puts one in and takes it out", () => {
    expect(after(["a"], 2, -1)).toEqual(["a", "c"]);
    expect(after(["a", "c"], 2, -1)).toEqual(["a"]);
  });

  test("makes a range as its first one is, in both directions", () => {
    expect(after(["b"], 3, 1)).toEqual(["b", "c", "d"]);
    expect(after(["d"], 1, 3)).toEqual(["b", "c", "d"]);
    expect(after(["a", "c", "d", "e"], 3, 1)).toEqual(["a", "e"]);
  });
});
