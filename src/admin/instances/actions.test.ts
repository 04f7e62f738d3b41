import { describe, expect, test } from "bun:test";
import { warningOf } from "./actions.ts";

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
