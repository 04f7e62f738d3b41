import { chmodSync, closeSync, fchownSync, lstatSync, readdirSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { CommandLine } from "../celery/command-line.ts";
import { openIn } from "../kit/foreign-files.ts";
import { SpawnError } from "../kit/processes.ts";
import { findUser, isRoot, type User } from "../kit/users.ts";

/*
 * A worker that runs as another user than the branch, which is root then. The folder of its files is that user's; what
 * lies beside it stays closed.
 */

/** The user of that name; throws SpawnError where it cannot be, in words for people. */
export function workerUser(name: string): User {
  if (!isRoot()) throw new SpawnError(`The worker is to run as ${name}, which only a branch that runs as root can do`);
  const user = findUser(name);
  if (!user) throw new SpawnError(`The worker is to run as ${name}, but there is no such user`);
  return user;
}

/** The command line that runs another one as a user: by the same process, so that the pid is the worker's. */
export function asUser({ argv, cwd, env }: CommandLine, user: User, given: CommandLine["env"]): CommandLine {
  const { name, gid, home } = user;
  const identity = { HOME: home, USER: name, LOGNAME: name };
  return {
    argv: ["setpriv", `--reuid=${name}`, `--regid=${gid}`, "--init-groups", "--", ...argv],
    cwd,
    // What somebody asked for counts most.
    env: { ...env, ...identity, ...given },
  };
}

/** Lets other users pass through a folder, not look around in it. */
export function passThrough(folder: string): void {
  const mode = statSync(folder).mode & 0o777;
  if ((mode & 0o011) !== 0o011) chmodSync(folder, mode | 0o011);
}

/** Makes a folder, and all that lies in it, the user's; throws SpawnError where that user cannot reach it, or not `readable`. */
export function giveFolder(folder: string, user: User, readable: string): void {
  passOn(folder, user);
  const log = openIn(join(folder, "worker.log"), "append");
  fchownSync(log, user.uid, user.gid);
  closeSync(log);
  for (const path of [folder, readable]) refuseClosed(path, user);
}

/** Takes back a folder that was given to another user. */
export function takeBackFolder(folder: string): void {
  const { geteuid, getegid } = process;
  if (isRoot() && geteuid && getegid) passOn(folder, { uid: geteuid(), gid: getegid() });
}

function passOn(folder: string, { uid, gid }: Pick<User, "uid" | "gid">): void {
  const before = lstatSync(folder).uid;
  if (before === uid) return;
  // Celery runs what stands in it (it is a pickle), so that it is not read by another user than wrote it.
  for (const name of readdirSync(folder)) if (name.startsWith("worker.statedb")) unlinkSync(join(folder, name));
  // That program cannot be led elsewhere by who changes the folder meanwhile, and takes only what was that owner's.
  const chown = Bun.spawnSync(["chown", "-R", "-h", `--from=${before}`, `${uid}:${gid}`, folder]);
  if (chown.exitCode === 0) return;
  throw new SpawnError(`Cannot give the folder ${folder} to the user ${uid}: ${chown.stderr.toString().trim()}`);
}

function refuseClosed(path: string, { name, gid }: User): void {
  const test = ["setpriv", `--reuid=${name}`, `--regid=${gid}`, "--init-groups", "--", "test", "-r", path];
  const { exitCode } = Bun.spawnSync(test);
  if (exitCode === 0) return;
  throw new SpawnError(`${name} cannot read ${path}: let that user pass through every folder above it (chmod o+x)`);
}
