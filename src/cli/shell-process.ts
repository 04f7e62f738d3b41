import { createWriteStream, existsSync } from "node:fs";
import { join } from "node:path";
import { CymeError } from "../domain/errors.ts";
import type { ShellSettings } from "../shell/settings.ts";
import type { Io } from "./io.ts";
import { onTerminalSignals } from "./terminal-signals.ts";

/** Where the build embeds the shell (scripts/compile.ts). */
const SCRIPT = join(import.meta.dir, "shell", "main.js");
const PIPE_FD = 3;
const INTERRUPTED = 130;
const TERMINATED = 143;
/** What computes and never waits does not hear that it is to end. */
const PATIENCE_MS = 1_000;

/**
 * What the process of the shell does first. It reads the settings, which are on the first line, and the shell itself from a pipe: no argument, no
 * variable and no file holds a secret, and nothing is left behind, however it ends.
 */
const BEGIN = `
  const text = await Bun.file(${PIPE_FD}).text();
  const end = text.indexOf("\\n");
  const settings = JSON.parse(text.slice(0, end));
  process.chdir(settings.cwd);
  delete process.env.BUN_BE_BUN;
  const url = URL.createObjectURL(new Blob([text.slice(end + 1)], { type: "text/javascript" }));
  process.exitCode = await (await import(url)).runShell(settings);
`;

/** Nothing in a folder, nor what is told to Bun, configures it: it starts in the root folder, which is no user's. */
const ARGUMENTS = ["--config=/dev/null", "--no-env-file", "--no-install", "--no-orphans", "-e", BEGIN];

/**
 * Runs the shell in a process of its own: in this one no code is evaluated (`--disallow-code-generation-from-strings`), so the binary
 * starts itself as plain Bun. Resolves to its exit code. However it ends, and by whatever signal, the terminal is as it was before.
 */
export async function runShellProcess(
  settings: ShellSettings,
  { signal, stderr }: Pick<Io, "signal" | "stderr">,
): Promise<number> {
  if (!existsSync(SCRIPT)) {
    throw new CymeError("not-implemented", "Cannot run the shell from sources: build the binary with `npm run build`");
  }
  const child = Bun.spawn([process.execPath, ...ARGUMENTS], {
    cwd: "/",
    env: { ...withoutBun(process.env), BUN_BE_BUN: "1" },
    stdio: ["inherit", "inherit", "inherit", "pipe"],
  });
  let insisting: Timer | undefined;
  const end = () => {
    child.kill("SIGTERM");
    insisting ??= setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  };
  signal.addEventListener("abort", end, { once: true });
  // Without a terminal there is nothing to give back, and nohup may have it that SIGHUP is ignored.
  const isTerminal = process.stdin.isTTY === true;
  const endSignals = isTerminal ? onTerminalSignals(end) : () => {};
  try {
    await send(child.stdio[PIPE_FD], `${JSON.stringify(settings)}\n${await Bun.file(SCRIPT).text()}`);
    const code = await child.exited;
    if (child.signalCode === "SIGINT") {
      if (isTerminal)
        stderr("\nThe shell has ended: what it ran did not wait for anything, so that Ctrl-C ended it all\n");
      return INTERRUPTED;
    }
    return insisting === undefined ? code : TERMINATED;
  } finally {
    signal.removeEventListener("abort", end);
    endSignals();
    clearTimeout(insisting);
  }
}

/** Its variables load code. */
const withoutBun = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(BUN_|NODE_OPTIONS$|CYME_TOKEN$)/.test(name)));

function send(fd: number | null | undefined, text: string): Promise<void> {
  if (typeof fd !== "number") throw new Error("the pipe to the shell was not made");
  return new Promise((resolve, reject) => {
    const stream = createWriteStream("", { fd });
    // One that ended early says so by its exit code.
    stream.on("error", (error: NodeJS.ErrnoException) => (error.code === "EPIPE" ? resolve() : reject(error)));
    stream.on("close", resolve);
    stream.end(text);
  });
}
