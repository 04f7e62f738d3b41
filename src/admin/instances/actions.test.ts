import { describe, expect, test } from "bun:test";
import { instance } from "../test-things.ts";
import { fits, leftOut, warningOf, type Verb } from "./actions.ts";

describe("warningOf()", () => {
  test("asks nothing before what stops no work", () => expect(warningOf("enable", ["web"])).toBeUndefined());

  test("names one instance, and counts several", () => {
    expect(warningOf("delete", ["web"])?.title).toBe("Delete instance web?");
    expect(warningOf("delete", ["web", "mail"])?.title).toBe("Delete 2 instances?");
  });

  test("says of a restart of several that they go all at once", () => {
    expect(warningOf("restart", ["web"])?.text).not.toContain("all at once");
    expect(warningOf("restart", ["web", "mail"])?.text).toContain("all at once");
  });
});

describe("fits()", () => {
  const VERBS: readonly Verb[] = ["enable", "disable", "restart", "restart one by one", "delete"];
  const fitting = (fields: Parameters<typeof instance>[1]) =>
    VERBS.filter((verb) => fits(verb, instance("web", fields)));

  test("a disabled instance is not disabled once more, nor restarted", () => {
    expect(fitting({ is_enabled: false })).toEqual(["enable", "delete"]);
  });

  test("an enabled one is not enabled once more, but where it is held stopped", () => {
    const others: Verb[] = ["disable", "restart", "restart one by one", "delete"];
    expect(fitting({ is_enabled: true })).toEqual(others);
    expect(fitting({ is_enabled: true, is_held: true })).toEqual(["enable", ...others]);
  });
});

test("leftOut() says how many and why", () => {
  expect(leftOut("restart", 0)).toBeUndefined();
  expect(leftOut("restart", 1)).toBe("1 is disabled");
  expect(leftOut("disable", 9)).toBe("9 are disabled already");
});
