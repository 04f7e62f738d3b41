import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/harness/wait.ts";
import { LogFile } from "./log-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cyme-log-"));
  path = join(folder, "branch.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (name = "branch.log") => readFileSync(join(folder, name), "utf8");

test("appends to what there is", () => {
  new LogFile(path).write("one\n");
  new LogFile(path).write("two\n");
  expect(read()).toBe("one\ntwo\n");
});

test("is for the user alone", () => {
  new LogFile(path).write("one\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("throws where it cannot be opened", () => {
  expect(() => new LogFile("/nowhere/branch.log")).toThrow("ENOENT");
});

test("says that a line could not be written", () => {
  expect(new LogFile("/dev/full").write("lost\n")).toBe(false);
});

describe("rotation by size", () => {
  const rotation = { maxBytes: 10, kept: 2 };

  test("sets the file aside before it would become too large, and deletes the oldest", () => {
    const file = new LogFile(path, rotation);
    for (const line of ["1234\n", "6789\n", "second\n", "third\n", "fourth\n"]) file.write(line);
    expect(readdirSync(folder).toSorted()).toEqual(["branch.log", "branch.log.1", "branch.log.2"]);
    expect([read("branch.log.2"), read("branch.log.1"), read()]).toEqual(["second\n", "third\n", "fourth\n"]);
  });

  test("counts what was there before", () => {
    new LogFile(path).write("12345678\n");
    new LogFile(path, rotation).write("next\n");
    expect([read("branch.log.1"), read()]).toEqual(["12345678\n", "next\n"]);
  });

  test("writes a line that is larger than all may be", () => {
    const file = new LogFile(path, rotation);
    file.write("longer than ten bytes\n");
    file.write("next\n");
    expect([read("branch.log.1"), read()]).toEqual(["longer than ten bytes\n", "next\n"]);
  });

  test("leaves a file that somebody else has emptied meanwhile", () => {
    const file = new LogFile(path, rotation);
    file.write("12345678\n");
    truncateSync(path);
    file.write("next\n");
    expect([readdirSync(folder), read()]).toEqual([["branch.log"], "next\n"]);
  });

  test("that cannot be goes on in the file, and is tried again when as much has come", () => {
    const file = new LogFile(path, rotation);
    // What would be overwritten is no file.
    mkdirSync(join(folder, "branch.log.1/full"), { recursive: true });
    mkdirSync(join(folder, "branch.log.2/full"), { recursive: true });
    for (const line of ["12345678\n", "second\n"]) file.write(line);
    expect(read()).toBe("12345678\nsecond\n");
    rmSync(join(folder, "branch.log.1"), { recursive: true });
    rmSync(join(folder, "branch.log.2"), { recursive: true });
    file.write("third\n");
    expect([read("branch.log.1"), read()]).toEqual(["12345678\nsecond\n", "third\n"]);
  });
});

describe("rotation of a file that is reached by a link", () => {
  const rotation = { maxBytes: 10, kept: 2 };

  test("sets aside the file and leaves the link", () => {
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync("elsewhere/real.log", path);
    const file = new LogFile(path, rotation);
    for (const line of ["12345678\n", "second\n", "third\n"]) file.write(line);
    expect(readlinkSync(path)).toBe("elsewhere/real.log");
    expect(readdirSync(folder).toSorted()).toEqual(["branch.log", "elsewhere"]);
    const logs = ["real.log", "real.log.1", "real.log.2"].map((name) => read(`elsewhere/${name}`));
    expect(logs).toEqual(["third\n", "second\n", "12345678\n"]);
  });

  test("is left to others where the link stands for an open file, as /dev/stderr does", () => {
    const fd = openSync(join(folder, "real.log"), "a");
    symlinkSync(`/proc/self/fd/${fd}`, path);
    const file = new LogFile(path, rotation);
    for (const line of ["12345678\n", "second\n"]) file.write(line);
    closeSync(fd);
    expect(readdirSync(folder).toSorted()).toEqual(["branch.log", "real.log"]);
    expect(read("real.log")).toBe("12345678\nsecond\n");
  });
});

describe("a file that is moved away", () => {
  test("is followed until it is opened anew", () => {
    const file = new LogFile(path);
    file.write("one\n");
    renameSync(path, `${path}.old`);
    file.write("two\n");
    file.reopen();
    file.write("three\n");
    expect([read("branch.log.old"), read()]).toEqual(["one\ntwo\n", "three\n"]);
  });

  test("is left within a second or so, also without being told", async () => {
    const file = new LogFile(path);
    renameSync(path, `${path}.old`);
    await until(() => file.write("line\n") && existsSync(path), { what: "a new file" });
    expect(read()).toBe("line\n");
  });

  test("with its folder is written on until there is a folder again", async () => {
    const file = new LogFile(path);
    rmSync(folder, { recursive: true });
    expect(file.write("nobody reads it\n")).toBe(true);
    expect(() => file.reopen()).toThrow("ENOENT");
    mkdirSync(folder);
    await until(() => file.write("line\n") && existsSync(path), { what: "a new file" });
    expect(read()).toBe("line\n");
  });
});

test("takes what is written to standard output and error, where it is asked to, also after it was opened anew", async () => {
  const program = `
    import { renameSync } from "node:fs";
    import { LogFile } from "${join(import.meta.dir, "log-file.ts")}";
    const file = new LogFile("${path}");
    file.takeStandardStreams();
    console.log("one");
    renameSync("${path}", "${path}.old");
    file.reopen();
    console.error("two");`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
  expect(await child.exited).toBe(0);
  expect([read("branch.log.old"), read()]).toEqual(["one\n", "two\n"]);
});
