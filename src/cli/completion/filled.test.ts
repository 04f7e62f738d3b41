import { describe, expect, test } from "bun:test";
import { filled } from "./filled.ts";

describe("filled()", () => {
  test("fills in places in lines, and lines", () => {
    const script = "case @word@ in\n  # @cases@\nesac # not @word@\n";
    expect(filled(script, { word: "$1", cases: "  a) ;;\n  b) ;;\n" })).toBe(
      "case $1 in\n  a) ;;\n  b) ;;\nesac # not $1\n",
    );
  });
  test("refuses a place that nothing is known for", () => {
    expect(() => filled("@what@", {})).toThrow("@what@");
  });
});
