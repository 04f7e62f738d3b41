import { dlopen, FFIType } from "bun:ffi";
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

// flock(2)
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

const libc = dlopen("libc.so.6", { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });

/** Held until released, or until the process ends, however it ends. */
export interface FileLock {
  release(): void;
}

/** What the holder of a lock file that exists wrote in it; undefined where nobody holds it. */
export function heldBy(path: string): string | undefined {
  const fd = openSync(path, "r");
  try {
    return libc.symbols.flock(fd, LOCK_SH | LOCK_NB) === 0 ? undefined : readFileSync(path, "utf8").trim();
  } finally {
    closeSync(fd);
  }
}

/**
 * Locks a file, which is created as needed and stays afterwards: removing it would let two holders in. `note` is what
 * others read in it. Returns what its holder wrote where it is taken.
 */
export function lockFile(path: string, note: string): { lock: FileLock } | { heldBy: string } {
  const fd = openSync(path, "a+", 0o600);
  if (libc.symbols.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    return { heldBy: readFileSync(path, "utf8").trim() };
  }
  ftruncateSync(fd);
  writeSync(fd, `${note}\n`);
  return { lock: { release: () => closeSync(fd) } };
}
