import { version } from "../../package.json";
import type { Environment, Io } from "./io.ts";
import { bindArguments, bindOptions, findCommand, isGiven, scan, wantsJson, type Scanned } from "./parse.ts";
import { ROOMS, type Rooms } from "./rooms.ts";

const INTERRUPTED = 130; // As shells count it: 128 and SIGINT.
const MISUSED = 2;

/**
 * Runs one command line (without the program's own name) to its end and resolves to the exit code; never rejects.
 * Results are written to `io.stdout`, everything else to `io.stderr`.
 */
export async function main(argv: readonly string[], env: Environment, io: Io, rooms: Rooms = ROOMS): Promise<number> {
  const scanned = scan(argv);
  try {
    return await dispatch(scanned, { env, io, rooms });
  } catch (error) {
    if (io.signal.aborted) return INTERRUPTED;
    const { reportError } = await import("./problem.ts");
    return reportError(error, { io, env, isJson: wantsJson(scanned, env) });
  }
}

async function dispatch(scanned: Scanned, given: { env: Environment; io: Io; rooms: Rooms }): Promise<number> {
  const { env, io } = given;
  if (isGiven(scanned, "version")) {
    io.stdout(`cyme ${version}\n`);
    return 0;
  }
  const isHelp = isGiven(scanned, "help");
  if (scanned.words.length === 0) {
    const { overview } = await import("./help.ts");
    if (!isHelp && scanned.options.length === 0) {
      io.stderr(overview());
      return MISUSED;
    }
    if (isHelp) {
      io.stdout(overview());
      return 0;
    }
  }
  const { command, rest } = findCommand(scanned.words);
  if (isHelp) {
    const { helpOf } = await import("./help.ts");
    io.stdout(helpOf(command));
    return 0;
  }
  const values = bindOptions(command, scanned, env);
  values.text("format"); // A wrong one is refused before anything is done.
  const args = bindArguments(command, rest);
  if (command.kind === "own") return command.run({ values, ...given }, args);
  const { runClient } = await import("./run-client.ts");
  return runClient(command, args, { values, ...given });
}
