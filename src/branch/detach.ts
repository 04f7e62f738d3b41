import { closeSync, openSync, writeSync } from "node:fs";
import { CymeError, type ErrorCode } from "../domain/errors.ts";
import type { ShowStep } from "./steps.ts";

const READY_FD = 3;
/** What the daemon says before and when it is ready, a line each. */
const STEP = "step ";
const READY = "ready ";
/** What an exit status of the daemon says, as far as it says more than that it failed. */
const CODES: Readonly<Record<number, ErrorCode>> = { 2: "invalid", 3: "conflict" };
/** Tells the daemon that it was started by `detach`. */
const VARIABLE = "CYME_DETACHED";

export const isDetached = () => process.env[VARIABLE] === "1";

/** The terminal that waits for the daemon. */
interface Waiting {
  readonly stderr: (text: string) => void;
  readonly showStep: ShowStep;
  /** Called with what was said of where the daemon is reached. */
  readonly showReady: (words: string) => void;
  /** Aborted when nobody waits any more: the daemon ends then, too. */
  readonly interrupted: AbortSignal;
}

/**
 * Starts this same command as a daemon in a session of its own, with its output in `logfile`, and waits until it is ready:
 * resolves to 0 then, rejects with what it said where it does not come up.
 */
export async function detach(logfile: string, io: Waiting): Promise<number> {
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
  const end = () => child.kill("SIGTERM");
  io.interrupted.addEventListener("abort", end, { once: true });
  const words = await untilReady(pipe, io.showStep);
  io.interrupted.removeEventListener("abort", end);
  io.showStep("");
  if (words === undefined || io.interrupted.aborted) throw await failure(child, logfile);
  child.unref();
  io.stderr(`cyme branch runs in the background (pid ${child.pid}); it logs to ${logfile}\n`);
  io.showReady(words);
  return 0;
}

/** What was said with `READY`; undefined where the daemon ended before. */
async function untilReady(pipe: number, showStep: ShowStep): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of Bun.file(pipe).stream()) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    const ready = lines.find((line) => line.startsWith(READY));
    if (ready !== undefined) return ready.slice(READY.length);
    const step = lines.findLast((line) => line.startsWith(STEP));
    if (step !== undefined) showStep(step.slice(STEP.length));
  }
  return undefined;
}

async function failure(child: Bun.Subprocess<"ignore", number, "pipe">, logfile: string): Promise<CymeError> {
  const words = await new Response(child.stderr).text();
  const code = CODES[await child.exited] ?? "unavailable";
  return new CymeError(code, `The branch did not start: ${reason(words)}`, { logfile });
}

/** Called by the daemon: has the command that started it say what is waited for. */
export function tellStep(text: string): void {
  if (isDetached()) writeSync(READY_FD, `${STEP}${text}\n`);
}

/** Called by the daemon when it can be used: lets the command that started it return, with what it is to say. */
export function tellReady(words: string): void {
  if (!isDetached()) return;
  delete process.env[VARIABLE];
  writeSync(READY_FD, `${READY}${words}\n`);
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
