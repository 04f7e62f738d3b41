import { ASKED_BY_SHELLS } from "./completion/asked-by-shells.ts";
import type { Environment, Io } from "./io.ts";
import { ROOMS, type Rooms } from "./rooms.ts";
import { versionLine } from "./version.ts";

/**
 * Runs one command line (without the program's own name) to its end and resolves to the exit code; never rejects.
 * Results are written to `io.stdout`, everything else to `io.stderr`.
 */
export async function main(argv: readonly string[], env: Environment, io: Io, rooms: Rooms = ROOMS): Promise<number> {
  // Scripts ask this of every tool: answered before the table of commands is loaded.
  if (argv.length === 1 && argv[0] === "--version") {
    io.stdout(versionLine);
    return 0;
  }
  // No command of people: what completion in their shells calls.
  if (argv[0] === ASKED_BY_SHELLS) {
    const { complete } = await import("./completion/complete.ts");
    return complete(argv[1] === "quoted", { env, io, rooms });
  }
  const { dispatch } = await import("./dispatch.ts");
  return dispatch(argv, { env, io, rooms });
}
