import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";

/*
 * A folder of another user's is that user's to change at any time: what stands there under a name may be a link to a file
 * that is not that user's, or something that an open waits at. Who is root must not be led there.
 */

/** Opens a file for reading, or (`append`) for adding to it, made where it is missing. Throws as open(2) does. */
export function openIn(path: string, how: "read" | "append"): number {
  const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = how === "read" ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
  if (!isForeign(dirname(path))) return openSync(path, flags, 0o600);
  const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
  const found = fstatSync(fd);
  if (found.isFile() && found.nlink === 1) return fd;
  closeSync(fd);
  throw new Error(`${path} is no plain file of its own`);
}

function isForeign(folder: string): boolean {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  return owner !== undefined && owner !== process.geteuid?.();
}
