import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeToOthers, openIn } from "./foreign-files.ts";
import { isRoot } from "./users.ts";

const STRANGER = 65_534;

let dir: string;
let folder: string;
let log: string;
let victim: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cyme-foreign-"));
  folder = join(dir, "web");
  log = join(folder, "worker.log");
  victim = join(dir, "victim");
  mkdirSync(folder);
  writeFileSync(victim, "hush", { mode: 0o644 });
});

afterEach(() => rmSync(dir, { recursive: true }));

const append = () => {
  const fd = openIn(log, "append");
  writeSync(fd, "line\n");
  closeSync(fd);
};

test("a file is made, and added to", () => {
  append();
  append();
  expect(readFileSync(log, "utf8")).toBe("line\nline\n");
  expect(statSync(log).mode & 0o777).toBe(0o600);
});

test("closeToOthers() changes no file that a link leads to", () => {
  symlinkSync(victim, log);
  expect(() => closeToOthers(log)).toThrow("is a link");
  expect(statSync(victim).mode & 0o777).toBe(0o644);
});

describe.if(isRoot())("root is led to no other file", () => {
  afterEach(() => expect(readFileSync(victim, "utf8")).toBe("hush"));

  test.each([
    ["its own", 0],
    ["another user's", STRANGER],
  ])("by a link in a folder that is %s", (_, owner) => {
    chownSync(folder, owner, owner);
    symlinkSync(victim, log);
    expect(append).toThrow("is a link");
    expect(() => openIn(log, "read")).toThrow("is a link");
  });

  describe("in another user's folder", () => {
    beforeEach(() => chownSync(folder, STRANGER, STRANGER));

    test("by a second name of a file", () => {
      linkSync(victim, log);
      expect(append).toThrow("no plain file");
    });

    test("by a pipe, at which nobody waits", () => {
      expect(Bun.spawnSync(["mkfifo", log]).exitCode).toBe(0);
      expect(() => openIn(log, "read")).toThrow("no plain file");
      expect(append).toThrow();
    });

    test("by a file of somebody else's that was moved there", () => {
      writeFileSync(log, "root's");
      expect(append).toThrow("no plain file");
      chownSync(log, STRANGER, STRANGER);
      append();
      expect(readFileSync(log, "utf8")).toBe("root'sline\n");
    });
  });
});
