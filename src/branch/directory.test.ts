import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CymeError } from "../domain/errors.ts";
import { refusal } from "../domain/test-support.ts";
import { ManualClock } from "../kit/clock.ts";
import { lockFile } from "../kit/file-lock.ts";
import { scratchFolder } from "../store/test-support.ts";
import { branchDirectory, holdDirectory, makeDirectory, removePidFile, writePidFile } from "./directory.ts";

describe("a branch's directory", () => {
  test("is absolute, with its files in it", () => {
    const directory = branchDirectory("some/../instances/");
    const path = join(process.cwd(), "instances");
    expect(directory).toEqual({
      path,
      database: `${path}/branch.db`,
      socket: `${path}/branch.sock`,
      pidFile: `${path}/branch.pid`,
      lock: `${path}/branch.lock`,
      log: `${path}/branch.log`,
    });
  });

  test("is made for its user alone, with what leads to it, and may be there already", () => {
    using folder = scratchFolder();
    const directory = branchDirectory(folder.file("a b/ü/instances"));
    makeDirectory(directory);
    makeDirectory(directory);
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
  });

  test.each(["file", "file/below"])("cannot be %s, where there is a file in its place", (name) => {
    using folder = scratchFolder();
    writeFileSync(folder.file("file"), "");
    const directory = branchDirectory(folder.file(name));
    const error = refusal(() => makeDirectory(directory));
    expect([error.code, error.message]).toEqual([
      "invalid",
      `Cannot use ${directory.path} as the instance directory: there is a file in its place`,
    ]);
  });

  test("cannot be where nothing can be made", () => {
    expect(refusal(() => makeDirectory(branchDirectory("/proc/cyme"))).message).toContain("ENOENT");
  });
});

describe("holdDirectory()", () => {
  /** A directory, and a clock for who waits for it. */
  function setup() {
    const folder = scratchFolder();
    const directory = branchDirectory(folder.path);
    const clock = new ManualClock();
    const hold = (as: "daemon" | "command") => holdDirectory(directory, as, clock);
    return { directory, clock, hold, [Symbol.dispose]: () => folder[Symbol.dispose]() };
  }

  const refused = (work: Promise<unknown>) =>
    work.then(
      () => {
        throw new Error("it was taken twice");
      },
      (error: unknown) => {
        if (error instanceof CymeError) return error;
        throw error;
      },
    );

  test("writes who has it, and gives it back", async () => {
    using at = setup();
    (await at.hold("daemon")).release();
    const lock = await at.hold("command");
    expect(readFileSync(at.directory.lock, "utf8")).toBe(`command ${process.pid}\n`);
    lock.release();
  });

  test.each(["daemon", "command"] as const)("refuses a %s at once where a daemon has it, with its pid", async (as) => {
    using at = setup();
    const lock = await at.hold("daemon");
    const error = await refused(at.hold(as));
    expect(error).toMatchObject({ code: "conflict", facts: { pid: process.pid } });
    expect(error.message).toBe(
      `A branch runs on ${at.directory.path} already (pid ${process.pid}): stop it first, or use another directory (-D)`,
    );
    lock.release();
  });

  test("waits for a command that is soon done", async () => {
    using at = setup();
    const lock = await at.hold("command");
    const waiting = at.hold("daemon");
    await at.clock.advance(5000);
    lock.release();
    await at.clock.advance(50);
    (await waiting).release();
  });

  test("does not wait for ever", async () => {
    using at = setup();
    const lock = await at.hold("command");
    const waiting = refused(at.hold("daemon"));
    await at.clock.advance(16_000);
    expect((await waiting).message).toStartWith(
      `Another command (pid ${process.pid}) is working on ${at.directory.path}`,
    );
    lock.release();
  });

  test("waits for one that has it and did not say yet who it is", async () => {
    using at = setup();
    const result = lockFile(at.directory.lock, "");
    const waiting = at.hold("daemon");
    await at.clock.advance(200);
    if ("lock" in result) result.lock.release();
    await at.clock.advance(50);
    (await waiting).release();
  });
});

describe("a pid file", () => {
  test("holds our pid, for us alone, and leaves nothing half written beside it", () => {
    using folder = scratchFolder();
    writeFileSync(folder.file("branch.pid"), "999999999\n");
    writePidFile(folder.file("branch.pid"));
    expect(readFileSync(folder.file("branch.pid"), "utf8")).toBe(`${process.pid}\n`);
    expect(statSync(folder.file("branch.pid")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(["branch.pid"]);
  });

  test("is removed where it is ours, and not where another branch wrote it since", () => {
    using folder = scratchFolder();
    const file = folder.file("branch.pid");
    writePidFile(file);
    removePidFile(file);
    expect(existsSync(file)).toBe(false);
    removePidFile(file);
    writeFileSync(file, "1\n");
    removePidFile(file);
    expect(existsSync(file)).toBe(true);
  });
});
