import { describe, expect, test } from "bun:test";
import { choose } from "./placement.ts";

const branch = (id: string, instances: number, load = 0) => ({ id, instances, load });
const first = () => 0;

describe("choose()", () => {
  test("takes the branch with the fewest instances", () => {
    expect(choose([branch("a", 3), branch("b", 1), branch("c", 2)], first)).toBe("b");
  });

  test("looks at the number of instances before the load", () => {
    expect(choose([branch("a", 1, 9), branch("b", 2, 0)], first)).toBe("a");
  });

  test("takes the least loaded of those with as few instances", () => {
    expect(choose([branch("a", 1, 2), branch("b", 1, 0.9), branch("c", 1, 4)], first)).toBe("b");
  });

  test("lets chance decide among equals, for which small differences of load count as none", () => {
    const equals = [branch("a", 1, 0.1), branch("b", 1, 0.4), branch("c", 1, 0)];
    expect([0, 0.4, 0.99].map((number) => choose(equals, () => number))).toEqual(["a", "b", "c"]);
  });

  test("has nothing to give to where there is no branch", () => expect(choose([], first)).toBeUndefined());
});
