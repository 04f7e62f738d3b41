import { describe, expect, test } from "bun:test";
import { found, LogLines } from "./log-lines.ts";

describe("LogLines", () => {
  test("puts lines together that come in pieces, and shows none before its end", () => {
    const log = new LogLines();
    log.add("one\ntw");
    expect(log.lines.map(({ text }) => text)).toEqual(["one"]);
    log.add("o\n");
    expect(log.lines.map(({ number, text }) => [number, text])).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
  });

  test("forgets the oldest, whose numbers are not used again", () => {
    const log = new LogLines();
    log.add("x\n".repeat(6000));
    expect([log.lines.length, log.lines[0]?.number, log.lines.at(-1)?.number]).toEqual([5000, 1001, 6000]);
  });

  test.each([
    ["[2026-01-01 00:00:00,000: ERROR/MainProcess] no", "error"],
    ["[2026-01-01 00:00:00,000: WARNING/MainProcess] hm", "warning"],
    ["[2026-01-01 00:00:00,000: INFO/MainProcess] ERROR in a text", "plain"],
    ["ModuleNotFoundError: No module named 'shop'", "error"],
    ["Traceback (most recent call last):", "error"],
  ] as const)("%p is %s", (text, level) => {
    const log = new LogLines();
    log.add(`${text}\n`);
    expect(log.lines[0]?.level).toBe(level);
  });

  test("found() looks in any case, and finds all where nothing is wanted", () => {
    const log = new LogLines();
    log.add("Ready\nlost\n");
    expect(found(log.lines, "ready").map(({ text }) => text)).toEqual(["Ready"]);
    expect(found(log.lines, "")).toBe(log.lines);
  });
});
