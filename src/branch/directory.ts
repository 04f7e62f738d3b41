import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CymeError } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";
import { lockFile, type FileLock } from "../kit/file-lock.ts";

/** Where a branch keeps its files. */
export interface BranchDirectory {
  /** Absolute. */
  readonly path: string;
  readonly database: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly lock: string;
  readonly log: string;
}

export function branchDirectory(given: string): BranchDirectory {
  const path = resolve(given);
  const file = (name: string) => join(path, name);
  return {
    path,
    database: file("branch.db"),
    socket: file("branch.sock"),
    pidFile: file("branch.pid"),
    lock: file("branch.lock"),
    log: file("branch.log"),
  };
}

/** Creates the directory for the user alone; throws `invalid` with the reason where that cannot be. */
export function makeDirectory({ path }: BranchDirectory): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: string };
    const hint = code === "EEXIST" || code === "ENOTDIR" ? "there is a file in its place" : (error as Error).message;
    throw new CymeError("invalid", `Cannot use ${path} as the instance directory: ${hint}`);
  }
}

/** Who works on a directory: one at a time. A command is soon done, a daemon is not. */
export type Holder = "daemon" | "command";

const COMMAND_WAIT_MS = 15_000;
const LOOK_MS = 50;

/** Takes the directory; waits a while, `forMs`, for a command, throws `conflict` where a daemon has it. */
export async function holdDirectory(
  directory: BranchDirectory,
  as: Holder,
  clock: Clock,
  forMs = COMMAND_WAIT_MS,
): Promise<FileLock> {
  const untilMs = clock.now() + forMs;
  for (;;) {
    const result = lockFile(directory.lock, `${as} ${process.pid}`);
    if ("lock" in result) return result.lock;
    const [holder = "", pid = "unknown"] = result.heldBy.split(" ");
    if (holder === "daemon") {
      const message = `A branch runs on ${directory.path} already (pid ${pid}): stop it first, or use another directory (-D)`;
      throw new CymeError("conflict", message, { pid: Number(pid) });
    }
    if (clock.now() > untilMs) {
      throw new CymeError(
        "conflict",
        `Another command (pid ${pid}) is working on ${directory.path}: try again when it has ended`,
      );
    }
    await clock.sleep(LOOK_MS);
  }
}

/** Writes this process's pid, by rename, so that a reader never sees half a number. */
export function writePidFile(path: string): void {
  writeFileSync(`${path}.new`, `${process.pid}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Removes a pid file, if it is still ours. */
export function removePidFile(path: string): void {
  try {
    if (Number(readFileSync(path, "utf8")) === process.pid) rmSync(path);
  } catch {
    // It is gone already, which is what was wanted.
  }
}
