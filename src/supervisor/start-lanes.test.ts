import { describe, expect, test } from "bun:test";
import { startPlaces } from "./start-lanes.ts";

describe("startPlaces()", () => {
  test.each([
    ["idle", 0, 8],
    ["as busy as the starts themselves make it", 8, 8],
    ["half as busy again", 12, 5],
    ["hopelessly busy", 1000, 4],
  ])("on four cores that are %s (load %d): %d at a time", (_, load, now) => {
    expect(startPlaces(4, load)).toEqual({ most: 8, now });
  });
});
