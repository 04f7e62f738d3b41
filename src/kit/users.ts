import { readFileSync } from "node:fs";

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** Of its own group. */
  readonly gid: number;
  readonly home: string;
}

/** The user of that name, wherever the machine keeps its users; undefined where there is none. */
export function findUser(name: string): User | undefined {
  const [entry] = lookUp(name).filter((line) => line.startsWith(`${name}:`));
  const [, , uid, gid, , home = "/"] = entry?.split(":") ?? [];
  if (uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

export const isRoot = () => process.geteuid?.() === 0;

function lookUp(name: string): string[] {
  try {
    return Bun.spawnSync(["getent", "passwd", name]).stdout.toString().split("\n");
  } catch {
    // A machine without that program has no other users than those.
    return readFileSync("/etc/passwd", "utf8").split("\n");
  }
}
