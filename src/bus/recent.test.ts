import { expect, test } from "bun:test";
import { Recent } from "./recent.ts";

test("the last are remembered, and not all", () => {
  const recent = new Recent(2);
  expect(["a", "a", "b", "c"].map((id) => recent.add(id))).toEqual([true, false, true, true]);
  expect(["a", "b", "c"].map((id) => recent.has(id))).toEqual([true, true, true]);
  for (const id of ["d", "e"]) recent.add(id);
  expect(["a", "b", "c", "d", "e"].map((id) => recent.has(id))).toEqual([false, false, true, true, true]);
});
