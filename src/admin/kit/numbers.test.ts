import { expect, test } from "bun:test";
import { bytes, several } from "./numbers.ts";

test("several() counts, in the singular where it is one", () => {
  expect([several(1, "consumer"), several(0, "consumer"), several(null, "consumer")]).toEqual([
    "1 consumer",
    "0 consumers",
    "– consumers",
  ]);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [12_345_678, "12.3 MB"],
  [171_000_000, "171 MB"],
])("bytes(%p) is %p", (value, shown) => expect(bytes(value)).toBe(shown));
