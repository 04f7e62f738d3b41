import { describe, expect, test } from "bun:test";
import { parseRate, rateText } from "./rate.ts";
import { words } from "./test-support.ts";

describe("parseRate()", () => {
  test.each<[string, number, number]>([
    ["1/s", 1, 1000],
    ["1/m", 1, 60_000],
    ["10/h", 10, 3_600_000],
    [" 5/m ", 5, 60_000],
    ["0/m", 0, 60_000],
  ])("%j is so many in so many ms", (text, count, periodMs) => {
    expect(parseRate(text)).toEqual({ count, periodMs, text: text.trim() });
  });

  test.each(["", "1", "m", "1/", "/m", "1/d", "1/min", "-1/m", "1.5/m", "1 / m", "1/M", "1000000000/m"])(
    "%j is none",
    (text) => expect(parseRate(text)).toBeUndefined(),
  );
});

describe("rateText()", () => {
  test("is the text of a rate, without what stands around it", () => {
    expect(rateText("restart_max_rate", " 10/h ")).toBe("10/h");
  });

  test.each([["0/m"], ["10"], ["1/d"], [7]])("refuses %j, and says what is wanted", (given) => {
    expect(words(() => rateText("restart_max_rate", given))).toBe(
      `Cannot use restart_max_rate: wanted n/s, n/m or n/h, such as 1/m, got ${JSON.stringify(given)}`,
    );
  });
});
