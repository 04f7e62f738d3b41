import { describe, expect, test } from "bun:test";
import { Skew } from "./skew.ts";

/** The other's clock is an hour behind. */
const OTHER_MS = -3_600_000;

describe("Skew", () => {
  test("without anything heard a message was sent when it came", () => {
    expect(new Skew().toOurs(10_000, 10_000 + OTHER_MS)).toBe(10_000);
  });

  test("a message that took longer than others was sent earlier than it came", () => {
    const skew = new Skew();
    skew.heard(10_000, 9_995 + OTHER_MS);
    skew.heard(12_000, 11_900 + OTHER_MS);
    expect(skew.toOurs(60_000, 30_000 + OTHER_MS)).toBe(30_005);
  });

  test("what comes in a burst after a long silence does not look fresh", () => {
    const skew = new Skew();
    skew.heard(10_000, 10_000 + OTHER_MS);
    for (let sentMs = 12_000; sentMs <= 300_000; sentMs += 2_000) skew.heard(300_000, sentMs + OTHER_MS);
    expect(skew.toOurs(300_000, 100_000 + OTHER_MS)).toBe(100_000);
  });

  test("a clock of the other that was set back is learnt anew", () => {
    const skew = new Skew();
    skew.heard(0, 0);
    for (let nowMs = 2_000; nowMs <= 122_000; nowMs += 2_000) skew.heard(nowMs, nowMs + OTHER_MS);
    expect(skew.toOurs(124_000, 124_000 + OTHER_MS)).toBe(124_000);
  });
});
