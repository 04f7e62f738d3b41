import { atHand, clientFor } from "./at-hand.ts";
import { runRepl } from "./repl.ts";
import { runScript } from "./script.ts";
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
  const onLost = (error: unknown) => void process.stderr.write(sentence(error));
  process.on("uncaughtException", onLost);
  if (!process.stdin.isTTY) {
    let lost = 0;
    process.on("unhandledRejection", (error) => {
      lost = 1;
      onLost(error);
    });
    return (await runScript(await Bun.stdin.text(), settings.isJson)) || lost;
  }
  // A promise that nobody waited for must not end the shell.
  process.on("unhandledRejection", onLost);
  process.on("SIGTERM", () => {
    process.stdin.setRawMode(false);
    process.exit(TERMINATED);
  });
  process.stdout.write(`Cyme ${settings.version}, ${client.url}. help says what is at hand, Ctrl-D leaves.\n`);
  await client.branches.all().catch(onLost);
  await runRepl({
    prompt: settings.app === undefined ? "cyme> " : `cyme ${settings.app}> `,
    history: settings.history,
    colours: !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    names: () => Object.keys(globalThis).filter((name) => !before.has(name)),
    onLine: (signal) => (interrupted = signal),
  });
  return 0;
}
