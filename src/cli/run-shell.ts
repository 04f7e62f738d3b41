import { join } from "node:path";
import { version } from "../../package.json";
import { seconds } from "../domain/fields.ts";
import type { Environment, Io } from "./io.ts";
import { misuse } from "./parse.ts";
import type { Rooms } from "./rooms.ts";
import { connectionOf } from "./target.ts";
import type { Values } from "./values.ts";

interface Given {
  readonly values: Values;
  readonly env: Environment;
  readonly io: Io;
  readonly rooms: Rooms;
}

/** Runs the shell until it is left; resolves to its exit code. Throws `invalid` for options that mean nothing there. */
export async function runShell({ values, env, io, rooms }: Given): Promise<number> {
  if (values.source("local") === "option") {
    throw misuse("Cannot use --local with shell: it speaks to a running branch, by -u; start one with `cyme branch`");
  }
  if (values.source("nowait") === "option") {
    throw misuse("Cannot use --nowait with shell: give { nowait: true } to the call, as the last argument");
  }
  const isTimed = values.source("timeout") !== undefined;
  const timeoutS = isTimed ? seconds(values.called("timeout"), values.text("timeout"), 0.1, 86_400) : undefined;
  const { url, origins: _origins, ...login } = await connectionOf(values, env, rooms);
  const settings = {
    url,
    app: values.text("app"),
    timeoutS,
    cwd: process.cwd(),
    history: historyPath(env),
    isJson: values.text("format") === "json",
    version,
  };
  return rooms.runShell(settings, login, io);
}

/** Where what was typed is kept; undefined where there is no home. Not in `cyme`, which is the instance directory of `install.sh --user`. */
function historyPath(env: Environment): string | undefined {
  const base = env["XDG_STATE_HOME"] || (env["HOME"] ? join(env["HOME"], ".local", "state") : undefined);
  return base === undefined ? undefined : join(base, "cyme-shell", "history");
}
