import { closeSync, openSync, writeSync } from "node:fs";
import { CymeError, type ErrorCode } from "../domain/errors.ts";

const READY_FD = 3;
const READY = "ready";
/** What an exit status of the daemon says, as far as it says more than that it failed. */
const CODES: Readonly<Record<number, ErrorCode>> = { 2: "invalid", 3: "conflict" };
/** Tells the daemon that it was started by `detach`. */
const VARIABLE = "CYME_DETACHED";

export const isDetached = () => process.env[VARIABLE] === "1";

/**
 * Starts this same command as a daemon in a session of its own, with its output in `logfile`, and waits until it is ready:
 * resolves to 0 then, rejects with what it said where it does not come up.
 */
export async function detach(logfile: string, io: { stderr: (text: string) => void }): Promise<number> {
  const log = openLog(logfile);
  const child = Bun.spawn([process.execPath, ...ownArguments()], {
    // `cyme-branch` is told from `cyme` by it.
    argv0: process.argv0,
    detached: true,
    env: { ...process.env, [VARIABLE]: "1" },
    stdio: ["ignore", log, "pipe", "pipe"],
  });
  closeSync(log);
  const pipe = child.stdio[READY_FD];
  if (typeof pipe !== "number") throw new Error("the pipe to the daemon was not made");
  const said = await Bun.file(pipe).text();
  if (said !== READY) {
    const words = await new Response(child.stderr).text();
    const code = CODES[await child.exited] ?? "unavailable";
    throw new CymeError(code, `The branch did not start: ${reason(words)}`, { logfile });
  }
  child.unref();
  io.stderr(`cyme branch runs in the background (pid ${child.pid}); it logs to ${logfile}\n`);
  return 0;
}

/** Called by the daemon when it can be used: lets the command that started it return. */
export function tellReady(): void {
  if (!isDetached()) return;
  delete process.env[VARIABLE];
  writeSync(READY_FD, READY);
  closeSync(READY_FD);
}

/** The arguments behind the program; not compiled, the program is Bun and the first argument our script. */
const ownArguments = () => (Bun.isStandaloneExecutable ? process.argv.slice(2) : process.argv.slice(1));

function openLog(path: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw new CymeError("invalid", `Cannot write the log file ${path}: ${(error as Error).message}`);
  }
}

/** What a command said of its failure: the sentence and what to do; where there is no such, its last line. Exported for its test. */
export function reason(said: string): string {
  const text = said.trim();
  if (text === "") return "it said nothing";
  return /^error: (.*)/ms.exec(text)?.[1] ?? text.slice(text.lastIndexOf("\n") + 1);
}
