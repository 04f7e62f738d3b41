import { describe, expect, test } from "bun:test";
import { keyHash, outranks, storeHash, type Claimant } from "./rank.ts";

const claimant = (parts: Partial<Claimant>): Claimant => ({
  incarnation: "i",
  startedAtMs: 1_000,
  keyHash: "one",
  isServing: true,
  ...parts,
});
const other = { keyHash: "two" };

describe("outranks()", () => {
  test.each<[string, Claimant, Claimant]>([
    ["of one branch the later start", claimant({ startedAtMs: 1_001 }), claimant({})],
    [
      "of one branch the one that serves, even if it started earlier",
      claimant({}),
      claimant({ startedAtMs: 1_001, isServing: false }),
    ],
    ["of one branch, started at the same time, the greater incarnation", claimant({ incarnation: "j" }), claimant({})],
    [
      "of two the one that serves, even if it started later",
      claimant({ startedAtMs: 2_000 }),
      claimant({ ...other, isServing: false }),
    ],
    ["of two that serve the earlier start", claimant({}), claimant({ ...other, startedAtMs: 1_001 })],
    [
      "of two that ask the earlier start",
      claimant({ isServing: false }),
      claimant({ ...other, startedAtMs: 1_001, isServing: false }),
    ],
    [
      "of two, started at the same time, the lesser incarnation",
      claimant({}),
      claimant({ ...other, incarnation: "j" }),
    ],
  ])("%s has the id, and not the other", (_, winner, loser) => {
    expect([outranks(winner, loser), outranks(loser, winner)]).toEqual([true, false]);
  });
});

test("storeHash() tells keys apart, and does not show them", () => {
  expect(storeHash("secret")).not.toBe(storeHash("other"));
  expect(storeHash("secret")).not.toBe(keyHash("", "secret"));
  expect(storeHash("secret")).not.toContain("secret");
});

test("keyHash() tells keys and ids apart, and does not show them", () => {
  const hashes = [keyHash("a", "secret"), keyHash("a", "other"), keyHash("b", "secret")];
  expect(new Set(hashes).size).toBe(3);
  expect(keyHash("a", "secret")).toBe(hashes[0] ?? "");
  expect(hashes.join()).not.toContain("secret");
});
