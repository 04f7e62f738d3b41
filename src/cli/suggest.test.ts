import { describe, expect, test } from "bun:test";
import { editDistance, nearest, nearestOf } from "./suggest.ts";

describe("editDistance()", () => {
  test.each([
    ["", "", 0],
    ["apps", "apps", 0],
    ["aps", "apps", 1],
    ["appss", "apps", 1],
    ["opps", "apps", 1],
    ["paps", "apps", 1],
    ["", "apps", 4],
    ["kitten", "sitting", 3],
  ])("from %j to %j is %d", (a, b, distance) => expect(editDistance(a, b)).toBe(distance));
});

describe("nearest()", () => {
  test("is the one with the fewest edits", () => expect(nearest("queus", ["quits", "queues"])).toBe("queues"));
  test("is none where more than three edits are needed", () => {
    expect(nearest("frobnicate", ["instances"])).toBeUndefined();
  });
  test("is none where half of a short word would change", () => expect(nearest("xyz", ["xab"])).toBeUndefined());
});

test("nearestOf() takes the reading that is nearer, the first on a tie", () => {
  expect(nearestOf(["app.add", "app"], ["apps", "apps.add"])).toBe("apps.add");
  expect(nearestOf(["aps.xyzzy", "aps"], ["apps", "apps.add"])).toBe("apps");
});
