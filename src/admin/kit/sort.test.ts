import { expect, test } from "bun:test";
import { sortedBy } from "./sort.ts";

interface Row {
  readonly name: string;
  readonly size: number | null;
}
const rows: Row[] = [
  { name: "web-10", size: null },
  { name: "web-9", size: 2 },
  { name: "web-1", size: 1 },
];
const columns = [
  { key: "name", by: ({ name }: Row) => name },
  { key: "size", by: ({ size }: Row) => size },
];
const names = (sort: string) => sortedBy(rows, columns, sort).map(({ name }) => name);

test("numbers in names count as numbers", () => expect(names("name")).toEqual(["web-1", "web-9", "web-10"]));
test("a minus turns the order round", () => expect(names("-name")).toEqual(["web-10", "web-9", "web-1"]));
test("what has no value comes last, whatever the order", () => {
  expect([names("size"), names("-size")]).toEqual([
    ["web-1", "web-9", "web-10"],
    ["web-9", "web-1", "web-10"],
  ]);
});
test("a column that there is not leaves the order as it was", () =>
  expect(names("other")).toEqual(["web-10", "web-9", "web-1"]));
