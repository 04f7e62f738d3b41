import { expect, test } from "bun:test";
import { Batch } from "./batch.ts";

test("what is added in one turn is worked on at once, in order, and what comes later for itself", async () => {
  const seen: (readonly number[])[] = [];
  const batch = new Batch<number>((items) => void seen.push(items));
  await Promise.all([batch.add(1), batch.add(2), batch.add(3)]);
  await batch.add(4);
  expect(seen).toEqual([[1, 2, 3], [4]]);
});

test("a failure is told to all whom it concerns, and to nobody else", async () => {
  const batch = new Batch<number>((items) => {
    if (items.includes(2)) throw new Error("full");
  });
  const results = await Promise.allSettled([batch.add(1), batch.add(2)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await batch.add(1);
});
