import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRoot } from "../kit/users.ts";
import { ownerOf, provideFolder, removeFolders } from "./worker-folder.ts";

const ROOT = { uid: 0, gid: 0 };
const NOBODY = { uid: 65_534, gid: 65_534 };

let dir: string;
let folder: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cyme-folder-"));
  folder = join(dir, "web");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a folder is removed with those that were set aside, and no other instance's", () => {
  const others = ["web2", "web2~uid0", "web~standin", "web~uidx"];
  for (const name of ["web", "web~uid0", "web~uid65534", ...others]) mkdirSync(join(dir, name));
  removeFolders(folder);
  expect(readdirSync(dir).toSorted()).toEqual(others.toSorted());
});

describe.if(isRoot())("a folder that is provided", () => {
  test("is the user's alone", () => {
    provideFolder(folder, NOBODY);
    expect(statSync(folder)).toMatchObject({ ...NOBODY, mode: 0o40700 });
  });

  test.each([
    ["from another user to root", NOBODY, ROOT],
    ["from root to another user", ROOT, NOBODY],
    ["from one user to another", { uid: 65_533, gid: 65_533 }, NOBODY],
  ])("changes %s without what the one before left there", (_, before, after) => {
    provideFolder(folder, before);
    writeFileSync(join(folder, "celeryconfig.py"), "");
    provideFolder(folder, after);
    expect(statSync(folder)).toMatchObject({ ...after, mode: 0o40700 });
    expect(readdirSync(folder)).toEqual([]);
    const aside = `${folder}~uid${before.uid}`;
    expect(statSync(aside)).toMatchObject(before);
    expect(readdirSync(aside)).toEqual(["celeryconfig.py"]);
  });

  test("is the one that the user had before", () => {
    provideFolder(folder, NOBODY);
    writeFileSync(join(folder, "made"), "");
    provideFolder(folder, ROOT);
    writeFileSync(join(folder, "root's"), "");
    provideFolder(folder, NOBODY);
    expect(readdirSync(folder)).toEqual(["made"]);
    expect(readdirSync(dir).toSorted()).toEqual(["web", "web~uid0"]);
  });

  test("is not the one before with another owner, even where somebody made it so", () => {
    mkdirSync(`${folder}~uid65534`);
    mkdirSync(`${folder}~new`);
    writeFileSync(join(`${folder}~new`, "planted"), "");
    provideFolder(folder, NOBODY);
    expect(ownerOf(folder)).toBe(NOBODY.uid);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("stays as it is where it is the user's", () => {
    mkdirSync(folder);
    chownSync(folder, NOBODY.uid, NOBODY.gid);
    writeFileSync(join(folder, "worker.log"), "");
    provideFolder(folder, NOBODY);
    expect(existsSync(join(folder, "worker.log"))).toBe(true);
  });
});
