import { chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { User } from "../kit/users.ts";

/*
 * The folder of a worker's files belongs to the user that the worker runs as, and never changes its owner: a worker runs what
 * stands in it (modules of Python, Celery's state), and writes to what links there lead to. When the user changes, the folder is set
 * aside as `<name>~uid<owner>`, and the other one has a new one, or that which was set aside when it was the user before.
 */

/** Sees to the folder of a worker that the branch, which is root, runs as that user. Throws what the file system does. */
export function provideFolder(folder: string, user: Pick<User, "uid" | "gid">): void {
  const owner = ownerOf(folder);
  if (owner === user.uid) return;
  if (owner !== undefined) renameSync(folder, asideName(folder, owner));
  const kept = asideName(folder, user.uid);
  renameSync(ownerOf(kept) === user.uid ? kept : freshFolder(folder, user), folder);
}

/** The uid of a folder's owner; undefined where there is none. */
export const ownerOf = (folder: string) => statSync(folder, { throwIfNoEntry: false })?.uid;

/** Removes a folder, and those that were set aside. */
export function removeFolders(folder: string): void {
  const asides = readdirSync(dirname(folder)).filter((name) => isAside(name, basename(folder)));
  for (const name of [basename(folder), ...asides]) {
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Given away before it has its name: under that name there is none that is not the worker's user's. */
function freshFolder(folder: string, { uid, gid }: Pick<User, "uid" | "gid">): string {
  const fresh = `${folder}~new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  chownSync(fresh, uid, gid);
  return fresh;
}

/** No instance can have that name. */
const asideName = (folder: string, uid: number) => `${folder}~uid${uid}`;

const isAside = (name: string, of: string) => name.startsWith(`${of}~uid`) && /^\d+$/.test(name.slice(of.length + 4));
