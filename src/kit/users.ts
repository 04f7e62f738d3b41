import { readFileSync } from "node:fs";
import { runProgram } from "./run-program.ts";

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** Of its own group. */
  readonly gid: number;
  readonly home: string;
}

/** Where the machine keeps its users cannot be asked now: nothing is said of the user. */
export class UsersAway extends Error {}

/**
 * The user of that name, wherever the machine keeps its users, which may be on another machine; undefined where there is
 * none. Rejects with UsersAway.
 */
export async function findUser(name: string): Promise<User | undefined> {
  const entry = (await lookUp(name)).find((line) => line.startsWith(`${name}:`));
  const [, , uid, gid, , home = "/"] = entry?.split(":") ?? [];
  if (uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

export const isRoot = () => process.geteuid?.() === 0;

async function lookUp(name: string): Promise<string[]> {
  try {
    return (await runProgram(["getent", "passwd", name])).output.split("\n");
  } catch (error) {
    // A machine without that program has no other users than those.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return readFileSync("/etc/passwd", "utf8").split("\n");
    throw new UsersAway(`Cannot ask the machine for the user ${name}: ${(error as Error).message}`);
  }
}
