import { expect, test } from "bun:test";
import { silentLog } from "../kit/log.ts";
import { Store } from "../store/store.ts";
import { settleBranchId } from "./compose.ts";
import { formerIds } from "./former-ids.ts";

/** A branch that had these ids, one after the other, each from that time on. */
function store(...ids: readonly [id: string, atMs: number][]) {
  const opened = new Store(":memory:");
  for (const [id, atMs] of ids) settleBranchId(opened, id, atMs, silentLog);
  return Object.assign(opened, { [Symbol.dispose]: () => opened.close() });
}

test("the ids that a branch had are known for as long as results may come", () => {
  using branch = store(["one", 0], ["two", 1_000], ["three", 2_000]);
  expect(formerIds(branch, 500)).toEqual(["one", "two"]);
  expect(formerIds(branch, 1_500)).toEqual(["two"]);
  expect(formerIds(branch, 2_000)).toEqual([]);
});

test("a branch that never had another id has no former one", () => {
  using branch = store(["one", 0], ["one", 1_000]);
  expect(formerIds(branch, 0)).toEqual([]);
});

test("an id that the branch has again is no former one", () => {
  using branch = store(["one", 0], ["two", 1_000], ["one", 2_000]);
  expect(formerIds(branch, 0)).toEqual(["two"]);
});

test("an id under which another branch was seen since is that one's", () => {
  using branch = store(["one", 0], ["two", 1_000]);
  const row = { id: "one", url: null, isForgotten: false, version: branch.nextVersion(0) };
  // As the others tell, who take it for away.
  branch.knownBranches.put({ ...row, lastSeenAtMs: null });
  expect(formerIds(branch, 0)).toEqual(["one"]);
  branch.knownBranches.seen("one", 5_000, null);
  expect(formerIds(branch, 0)).toEqual([]);
});

test("ids of long ago are forgotten with the next change", () => {
  const day = 24 * 3_600_000;
  using branch = store(["one", 0], ["two", day], ["three", 40 * day]);
  expect(formerIds(branch, 0)).toEqual(["two"]);
});
