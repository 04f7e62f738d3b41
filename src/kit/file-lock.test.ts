import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heldBy, lockFile } from "./file-lock.ts";

function setup() {
  const folder = mkdtempSync(join(tmpdir(), "cyme-lock-"));
  return {
    path: join(folder, "lock"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

/** Another process that holds the lock until its standard input ends. */
async function holder(path: string) {
  const source = `
    import { lockFile } from ${JSON.stringify(join(import.meta.dir, "file-lock.ts"))};
    console.log("lock" in lockFile(${JSON.stringify(path)}, "other " + process.pid));
    await Bun.stdin.text();`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return { child, said: new TextDecoder().decode(value).trim() };
}

describe("lockFile()", () => {
  test("locks a new file for this user alone, with the note in it", () => {
    using at = setup();
    expect(lockFile(at.path, "daemon 1")).toHaveProperty("lock");
    expect(readFileSync(at.path, "utf8")).toBe("daemon 1\n");
    expect(statSync(at.path).mode & 0o777).toBe(0o600);
  });

  test("is looked at without taking it", () => {
    using at = setup();
    const first = lockFile(at.path, "daemon 1");
    expect(heldBy(at.path)).toBe("daemon 1");
    if ("lock" in first) first.lock.release();
    expect(heldBy(at.path)).toBeUndefined();
    expect(lockFile(at.path, "daemon 2")).toHaveProperty("lock");
  });

  test("says what the holder wrote while it is held, and leaves that alone", () => {
    using at = setup();
    lockFile(at.path, "daemon 1");
    expect(lockFile(at.path, "daemon 2")).toEqual({ heldBy: "daemon 1" });
    expect(lockFile(at.path, "daemon 3")).toEqual({ heldBy: "daemon 1" });
  });

  test("can be had again once it is released; the file stays, with the note of the new holder alone", () => {
    using at = setup();
    const first = lockFile(at.path, "a much longer note");
    if ("lock" in first) first.lock.release();
    expect(readFileSync(at.path, "utf8")).toBe("a much longer note\n");
    expect(lockFile(at.path, "short")).toHaveProperty("lock");
    expect(readFileSync(at.path, "utf8")).toBe("short\n");
  });

  test("is held against other processes, until they end, however they do", async () => {
    using at = setup();
    const { child, said } = await holder(at.path);
    expect(said).toBe("true");
    expect(lockFile(at.path, "mine")).toEqual({ heldBy: `other ${child.pid}` });
    child.kill("SIGKILL");
    await child.exited;
    expect(lockFile(at.path, "mine")).toHaveProperty("lock");
    const second = await holder(at.path);
    expect(second.said).toBe("false");
    second.child.stdin.end();
    await second.child.exited;
  });
});
