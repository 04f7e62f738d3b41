import { CymeError, invalid } from "../domain/errors.ts";
import { usablePassword } from "../domain/user.ts";
import type { Io } from "./io.ts";
import type { Rooms } from "./rooms.ts";

/** A new password: asked for twice on a terminal, three times at most until it is good, else the first line of standard input. Throws `invalid` where there is none. */
export async function newPassword(user: string, isStdin: boolean, rooms: Rooms, io: Io): Promise<string> {
  if (isStdin || !rooms.isTerminal()) return firstLine(await rooms.readFile("-", io.signal));
  for (let tries = 1; ; tries++) {
    try {
      return await askTwice(user, rooms, io);
    } catch (error) {
      if (!(error instanceof CymeError) || tries === TRIES) throw error;
      io.stderr(`${error.message}\n`);
    }
  }
}

const TRIES = 3;

/** Throws `invalid` for one that is not good, before it is to be typed again, and for two that differ. */
async function askTwice(user: string, rooms: Rooms, io: Io): Promise<string> {
  const password = usablePassword(await rooms.ask(`New password of ${user}: `, { isSecret: true }, io));
  const again = await rooms.ask("Once more: ", { isSecret: true }, io);
  if (password !== again) throw invalid("the password", "the same one twice");
  return password;
}

function firstLine(bytes: Uint8Array): string {
  const [line = ""] = new TextDecoder().decode(bytes).split(/\r?\n/, 1);
  if (line === "") throw invalid("the password", "one in the first line of standard input");
  return line;
}

/** Asked for on a terminal; where that is none, or nothing is typed, the user of the system. */
export async function askUserName(rooms: Rooms, io: Io): Promise<string> {
  const own = rooms.userName();
  if (!rooms.isTerminal()) {
    io.stderr(`No name was given: the user is called ${own}\n`);
    return own;
  }
  return (await rooms.ask(`User name [${own}]: `, { isSecret: false }, io)).trim() || own;
}
