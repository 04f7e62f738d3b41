import { basename } from "node:path";
import { processIo } from "./cli/io.ts";
import { main } from "./cli/main.ts";

/** `cyme-branch` is a link to the binary and means `cyme branch`. */
const isCalledBranch = basename(process.argv0) === "cyme-branch";

const interrupted = new AbortController();
const INSISTED = 130;

/** The first signal asks, the second insists. */
function onSignal(): void {
  if (interrupted.signal.aborted) process.exit(INSISTED);
  interrupted.abort();
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

const argv = process.argv.slice(2);
const io = processIo({
  interrupted: interrupted.signal,
  onHangup: (listener) => void process.on("SIGHUP", listener),
  exit: (code) => process.exit(code),
});
// Not process.exit: it would cut short what is still being written to a pipe.
process.exitCode = await main(isCalledBranch ? ["branch", ...argv] : argv, process.env, io);
