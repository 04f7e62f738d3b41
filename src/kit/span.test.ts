import { expect, test } from "bun:test";
import { span } from "./span.ts";

test.each([
  [-5, "0 s"],
  [999, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [61_000, "1 min 1 s"],
  [3_600_000, "1 h"],
  [3_660_000, "1 h 1 min"],
  [90_061_000, "1 d 1 h"],
])("span(%p) is %p", (ms, text) => expect(span(ms)).toBe(text));
