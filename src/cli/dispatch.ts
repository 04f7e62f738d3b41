import type { Environment, Io } from "./io.ts";
import {
  appOf,
  bindArguments,
  bindOptions,
  findCommand,
  isGiven,
  noCommand,
  scan,
  wantsJson,
  type Scanned,
} from "./parse.ts";
import type { Rooms } from "./rooms.ts";
import { versionLine } from "./version.ts";

const INTERRUPTED = 130; // As shells count it: 128 and SIGINT.
const MISUSED = 2;

interface Surroundings {
  readonly env: Environment;
  readonly io: Io;
  readonly rooms: Rooms;
}

/** Runs one command line to its end and resolves to the exit code; never rejects. */
export async function dispatch(argv: readonly string[], given: Surroundings): Promise<number> {
  const { env, io } = given;
  const scanned = scan(argv);
  try {
    return await run(scanned, given);
  } catch (error) {
    if (io.signal.aborted) return INTERRUPTED;
    const { reportError } = await import("./problem.ts");
    return reportError(error, { io, env, isJson: wantsJson(scanned, env), app: appOf(scanned, env) });
  }
}

async function run(scanned: Scanned, given: Surroundings): Promise<number> {
  const { env, io } = given;
  if (isGiven(scanned, "version")) {
    io.stdout(versionLine);
    return 0;
  }
  const { words, options } = scanned;
  if (words.length === 0 && options.length === 0) {
    const { overview } = await import("./help.ts");
    io.stderr(overview());
    return MISUSED;
  }
  if (isGiven(scanned, "help")) {
    const { helpOf, overview } = await import("./help.ts");
    io.stdout(words.length === 0 ? overview() : helpOf(findCommand(words).command));
    return 0;
  }
  if (words.length === 0) throw noCommand(scanned);
  const { command, rest } = findCommand(words);
  const values = bindOptions(command, scanned, env);
  values.text("format"); // A wrong one is refused before anything is done.
  const args = bindArguments(command, rest);
  if (command.kind === "own") return command.run({ values, ...given }, args);
  const { runClient } = await import("./run-client.ts");
  return runClient(command, args, { values, ...given });
}
