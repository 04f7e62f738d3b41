import { atHand, clientFor } from "./at-hand.ts";
import { runRepl } from "./repl.ts";
import { runScript, tellError } from "./script.ts";
import type { ShellSettings } from "./settings.ts";
import { sentence } from "./tell.ts";

/*
 * What `cyme shell` runs, in a process that may evaluate code: in that of the binary it may not.
 */

const TERMINATED = 143;

/** Runs the shell on this process's terminal, or the script that standard input is; resolves to the exit code. */
export async function runShell(settings: ShellSettings): Promise<number> {
  let interrupted = new AbortController().signal;
  const client = clientFor(settings, () => interrupted);
  const before = new Set(Object.keys(globalThis));
  Object.defineProperties(globalThis, atHand(client, settings.app));
  if (!process.stdin.isTTY) {
    onLost((error) => process.exit(tellError(error, settings.isJson)));
    return runScript(await Bun.stdin.text(), settings.isJson);
  }
  // What nobody waited for must not end the shell.
  const say = (error: unknown) => void process.stderr.write(sentence(error));
  onLost(say);
  process.on("SIGTERM", () => {
    process.stdin.setRawMode(false);
    process.exit(TERMINATED);
  });
  process.stdout.write(`Cyme ${settings.version}, ${client.url}. help says what is at hand, Ctrl-D leaves.\n`);
  await client.branches.all().catch(say);
  await runRepl({
    prompt: settings.app === undefined ? "cyme> " : `cyme ${settings.app}> `,
    history: settings.history,
    colours: !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    names: () => Object.keys(globalThis).filter((name) => !before.has(name)),
    onLine: (signal) => (interrupted = signal),
  });
  return 0;
}

/** Calls back with errors that are thrown where nobody waits: by timers, and by promises that are dropped, however late. */
function onLost(listener: (error: unknown) => void): void {
  process.on("uncaughtException", listener);
  process.on("unhandledRejection", listener);
}
