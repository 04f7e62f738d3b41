import { describe, expect, test } from "bun:test";
import { nextVersion } from "../domain/version.ts";
import { rowsFromJson, rowsToJson } from "./rows.ts";

const version = nextVersion(undefined, 1_700_000_000_000, "a");
const owner = { name: "web", app: "shop", branch: "a", version, isDeleted: false };
const branch = { id: "b", url: null, isForgotten: true, version };

describe("rows of another branch", () => {
  test("are read as they were written", () => {
    const rows = { owners: [owner], branches: [branch] };
    expect(rowsFromJson(rowsToJson(rows))).toEqual(rows);
  });

  test("that cannot be read are left out, and the others taken", () => {
    const owners = [
      owner,
      null,
      7,
      { ...owner, name: "../x" },
      { ...owner, version: "later" },
      { ...owner, branch: 1 },
    ];
    const branches = [{ ...branch, id: "" }, { ...branch, version: null }, branch];
    expect(rowsFromJson({ owners, branches })).toEqual({ owners: [owner], branches: [branch] });
  });

  test.each([[null], [[]], ["text"], [{ owners: {}, branches: 1 }]])("are none in %j", (json) => {
    expect(rowsFromJson(json)).toEqual({ owners: [], branches: [] });
  });
});
