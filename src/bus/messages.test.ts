import { describe, expect, test } from "bun:test";
import { toForwardedBody } from "../domain/forward.ts";
import { encode, messageBytes, parse, type Answer } from "./messages.ts";

const MIB = 1024 * 1024;

describe("a message", () => {
  test.each([
    ["quotes", '"'],
    ["control characters", "\u0001"],
    ["letters and lines", 'ab"\n'],
    ["what is no text", "\xff"],
  ])("holds the largest body that a branch takes: %s", (_, letters) => {
    for (const size of [10 * MIB, 14 * MIB]) {
      const body = toForwardedBody(Buffer.alloc(size, letters, "latin1"));
      const answer: Answer = { kind: "answer", id: "1", result: { status: 200, headers: {}, body } };
      expect(parse(encode(answer, messageBytes(size))).kind).toBe("answer");
    }
  });

  test("is bounded, and stays so where bodies are small", () => {
    const tooLarge: Answer = { kind: "answer", id: "1", result: "x".repeat(16 * MIB) };
    for (const limit of [messageBytes(1000), messageBytes(10 * MIB), undefined]) {
      expect(() => encode(tooLarge, limit)).toThrow(expect.objectContaining({ code: "too-large" }));
    }
  });
});
