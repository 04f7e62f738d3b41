import { closeSync, constants, fchmodSync, fstatSync, openSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { isRoot } from "./users.ts";

/*
 * A folder of another user's is that user's to change at any time: what stands there under a name may be a link to a file
 * that is not that user's, or something that an open waits at. Who is root must not be led there, and is not by what was put
 * into a folder before it was root's either.
 */

/** Opens a file for reading, or (`append`) for adding to it, made where it is missing. Throws as open(2) does. */
export function openIn(path: string, how: "read" | "append"): number {
  const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  const flags = how === "read" ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
  const stranger = strangerOf(dirname(path));
  if (stranger === undefined) return isRoot() ? openItself(path, flags) : openSync(path, flags, 0o600);
  const fd = openItself(path, flags | O_NONBLOCK);
  if (isIts(stranger, fstatSync(fd))) return fd;
  closeSync(fd);
  throw new Error(`${path} is no plain file of the user whose folder it is in: move it away`);
}

/** Makes a file its owner's alone; what is no file stays as it is. */
export function closeToOthers(path: string): void {
  const fd = openItself(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (fstatSync(fd).isFile()) fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
}

function openItself(path: string, flags: number): number {
  try {
    return openSync(path, flags | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    throw new Error(`${path} is a link, which is not followed: put the file itself there`, { cause: error });
  }
}

/** A file of somebody else's may have been moved there. One that is empty was just made, or gives nothing away. */
const isIts = (owner: number, found: Stats) =>
  found.isFile() && found.nlink === 1 && (found.uid === owner || found.size === 0);

/** Whose the folder is, where that is another user. */
function strangerOf(folder: string): number | undefined {
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  return owner === process.geteuid?.() ? undefined : owner;
}
