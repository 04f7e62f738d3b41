import { chmodSync, closeSync, fchownSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CommandLine } from "../celery/command-line.ts";
import { openIn } from "../kit/foreign-files.ts";
import { NoRoomError, SpawnError, spawnError } from "../kit/processes.ts";
import { ProgramLate, runProgram } from "../kit/run-program.ts";
import { findUser, isRoot, UsersAway, type User } from "../kit/users.ts";

/*
 * A worker that runs as another user than the branch, which is root then. The folder of its files is that user's
 * (worker-folder.ts); what lies beside it stays closed.
 */

/**
 * The user of that name. Rejects with SpawnError where it cannot be, in words for people, and with NoRoomError where the machine
 * cannot tell now.
 */
export async function workerUser(name: string): Promise<User> {
  if (!isRoot()) throw new SpawnError(`The worker is to run as ${name}, which only a branch that runs as root can do`);
  const user = await findUser(name).catch((error: unknown) => {
    throw error instanceof UsersAway ? new NoRoomError(error.message) : error;
  });
  if (!user) throw new SpawnError(`The worker is to run as ${name}, but there is no such user`);
  return user;
}

/** The command line that runs another one as a user: by the same process, so that the pid is the worker's. */
export function asUser({ argv, cwd, env }: CommandLine, user: User, given: CommandLine["env"]): CommandLine {
  const { name, home } = user;
  const identity = { HOME: home, USER: name, LOGNAME: name };
  return {
    argv: [...become(user), ...argv],
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

/** Makes the log in a user's folder, which the branch opens for the worker, that user's. */
export function giveLog(folder: string, { uid, gid }: User): void {
  const log = openIn(join(folder, "worker.log"), "append");
  try {
    fchownSync(log, uid, gid);
  } finally {
    closeSync(log);
  }
}

/** Rejects with SpawnError where the user cannot read one of the paths, NoRoomError where that cannot be told now. */
export async function refuseClosed(paths: readonly string[], user: User): Promise<void> {
  await Promise.all(paths.map((path) => refuseUnreadable(path, user)));
}

async function refuseUnreadable(path: string, user: User): Promise<void> {
  const { exitCode } = await runProgram([...become(user), "test", "-r", path]).catch((error: unknown) => {
    if (error instanceof ProgramLate) throw new NoRoomError(`Cannot run anything as ${user.name}: ${error.message}`);
    throw spawnError(`Cannot run anything as ${user.name}, for which setpriv (util-linux) is needed`, error);
  });
  if (exitCode === 0) return;
  throw new SpawnError(
    `${user.name} cannot read ${path}: let that user pass through every folder above it (chmod o+x)`,
  );
}

const become = ({ name, gid }: User) => ["setpriv", `--reuid=${name}`, `--regid=${gid}`, "--init-groups", "--"];
