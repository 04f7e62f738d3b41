import { expect, test } from "bun:test";
import { rebased } from "./rebased.ts";

test("what nobody touched follows what is now, and what was typed stays", () => {
  const before = { max: "1", min: "1", queues: ["a"], arguments: "" };
  const now = { max: "4", min: "2", queues: ["a", "b"], arguments: "" };
  expect(rebased(before, now, before)).toEqual(now);
  expect(rebased(before, now, { ...before, max: "8", queues: [] })).toEqual({ ...now, max: "8", queues: [] });
});

test("what was typed and taken back follows again", () => {
  expect(rebased({ max: "1" }, { max: "4" }, { max: "1" })).toEqual({ max: "4" });
});
