import { describe, expect, test } from "bun:test";
import {
  REMEMBERED_MS,
  changedStamp,
  deletedStamp,
  descends,
  horizonAt,
  mergedStamp,
  nextVersion,
  parseVersion,
  versionsBefore,
  type Stamp,
} from "./version.ts";

const NOW_MS = 1_700_000_000_000;
const NEVER = "";
const stamp = (version: string, ancestry: Record<string, string> = {}): Stamp => ({
  version,
  deletedVersion: null,
  ancestry,
});

describe("nextVersion()", () => {
  test("is the time, where nothing later is known", () => {
    expect(nextVersion(undefined, NOW_MS, "b1")).toBe("001700000000000-000000-b1");
    expect(nextVersion("001699999999999-000007-b2", NOW_MS, "b1")).toBe("001700000000000-000000-b1");
  });

  test("is later than the latest that is known, whatever the clock says", () => {
    expect(nextVersion("001700000000000-000000-b2", NOW_MS, "b1")).toBe("001700000000000-000001-b1");
    expect(nextVersion("001800000000000-000041-b2", NOW_MS, "b1")).toBe("001800000000000-000042-b1");
    expect(nextVersion("001700000000000-999999-b2", NOW_MS, "b1")).toBe("001700000000001-000000-b1");
  });

  test("compares as text like the time it was made, and differs between branches", () => {
    const made = [9, 10, 99, 100, NOW_MS].flatMap((ms) => ["b1", "b2"].map((id) => nextVersion(undefined, ms, id)));
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(10);
  });
});

describe("parseVersion()", () => {
  test("gives the parts, of an id with dashes too", () => {
    expect(parseVersion("001700000000000-000012-my-host.1")).toEqual({ ms: NOW_MS, counter: 12, branch: "my-host.1" });
  });

  test.each([
    "",
    "1700000000000-000000-b1",
    "001700000000000-0000000-b1",
    "001700000000000-000000-",
    "001700000000000-000000-b 1",
    "001700000000000-000000-b1\n",
    "999999999999999-000000-b1",
    `001700000000000-000000-${"x".repeat(65)}`,
  ])("takes no %j", (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

test("versionsBefore() is above every version made before, and below every other", () => {
  const before = nextVersion(undefined, NOW_MS - 1, "z");
  const at = nextVersion(undefined, NOW_MS, "a");
  expect([at, versionsBefore(NOW_MS), before].toSorted()).toEqual([before, versionsBefore(NOW_MS), at]);
});

test("horizonAt() moves once a day, and leaves at least 30 days", () => {
  const dayMs = 24 * 3600 * 1000;
  const midnightMs = Math.ceil(NOW_MS / dayMs) * dayMs;
  expect(horizonAt(midnightMs - 1)).toBe(horizonAt(midnightMs - dayMs));
  expect(horizonAt(midnightMs)).toBe(versionsBefore(midnightMs - REMEMBERED_MS));
});

describe("a stamp", () => {
  const [v1, v2, v3] = ["001000000000000-000000-a", "001100000000000-000000-b", "001200000000000-000000-a"];

  test("of a change descends from what it changed, and from what that changed", () => {
    const first = changedStamp(undefined, v1, NEVER);
    const second = changedStamp(first, v2, NEVER);
    const third = changedStamp(second, v3, NEVER);
    expect([descends(second, first), descends(third, first), descends(third, second)]).toEqual([true, true, true]);
    expect(descends(first, second)).toBe(false);
    expect(descends(first, first)).toBe(true);
  });

  test("of a change that did not know another one does not descend from it", () => {
    const first = changedStamp(undefined, v1, NEVER);
    const [mine, yours] = [changedStamp(first, v2, NEVER), changedStamp(first, "001150000000000-000000-c", NEVER)];
    expect([descends(mine, yours), descends(yours, mine)]).toEqual([false, false]);
  });

  test("of two merged is the newer one, knows both, and is the same either way", () => {
    const [mine, yours] = [changedStamp(stamp(v1), v2, NEVER), changedStamp(stamp(v1), v3, NEVER)];
    const merged = mergedStamp(mine, yours, NEVER);
    expect(merged).toEqual(mergedStamp(yours, mine, NEVER));
    expect(merged.version).toBe(v3);
    expect([descends(merged, mine), descends(merged, yours)]).toEqual([true, true]);
  });

  test("keeps the latest deletion through changes and merges", () => {
    const deleted = deletedStamp(stamp(v1), v2, NEVER);
    expect(deleted).toMatchObject({ version: v2, deletedVersion: v2 });
    expect(changedStamp(deleted, v3, NEVER)).toMatchObject({ version: v3, deletedVersion: v2 });
    expect(mergedStamp(stamp(v3), deleted, NEVER)).toMatchObject({ version: v3, deletedVersion: v2 });
  });

  test("forgets ancestors beyond the horizon", () => {
    const second = changedStamp(stamp(v1), v2, v2);
    expect(second.ancestry).toEqual({});
  });
});
