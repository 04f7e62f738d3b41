import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** A small file system of its own, in memory. */
export interface Disk {
  fill(): void;
  free(): void;
  unmount(): void;
}

const SIZE = "64m";

/** Mounts one at `path`; undefined where we may not. */
export async function mountDisk(path: string): Promise<Disk | undefined> {
  await mkdir(path, { recursive: true });
  const { exitCode } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${SIZE},mode=0700`, "tmpfs", path]);
  if (exitCode !== 0) return undefined;
  const ballast = join(path, "ballast");
  return {
    fill: () => fill(ballast),
    free: () => rmSync(ballast, { force: true }),
    unmount: () => void Bun.spawnSync(["umount", "--lazy", path]),
  };
}

/** To the last byte: first by large pieces, then by smaller ones. */
function fill(path: string): void {
  const file = openSync(path, "a");
  for (let bytes = 1 << 20; bytes > 0; bytes >>= 4) {
    const piece = new Uint8Array(bytes);
    try {
      while (writeSync(file, piece) > 0);
    } catch {
      // So large a piece has no room any more.
    }
  }
  closeSync(file);
}
