import { join } from "node:path";
import type { Transport } from "../client/transport.ts";
import type { LogLevel } from "../kit/log.ts";
import type { ClientCommand } from "./command.ts";
import type { Io } from "./io.ts";
import type { Rooms } from "./rooms.ts";
import type { Values } from "./values.ts";

export type OpenTransport = Transport & Partial<AsyncDisposable>;

/** Whom a command speaks to: with `--local` the instance directory, else the branch at `--url`. */
export async function openTransport(
  command: ClientCommand,
  { values, io, rooms }: { values: Values; io: Io; rooms: Rooms },
): Promise<OpenTransport> {
  if (!(await isLocal(command, values, rooms))) {
    return rooms.httpTransport(values.text("url") ?? "", { token: values.text("token") });
  }
  const options = {
    instanceDir: values.text("instance-dir") ?? "",
    broker: values.text("broker"),
    loglevel: values.text("loglevel") as LogLevel | undefined, // One of the option's choices.
    logfile: values.text("logfile"),
  };
  return rooms.localTransport(options, io);
}

async function isLocal(command: ClientCommand, values: Values, rooms: Rooms): Promise<boolean> {
  if (values.flag("local")) return true;
  if (!command.isForThisBranch) return false;
  if (values.source("instance-dir")) return true;
  if (values.source("url")) return false;
  return rooms.exists(join(values.text("instance-dir") ?? "", "branch.db"));
}
