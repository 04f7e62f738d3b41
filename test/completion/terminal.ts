import { stripANSI } from "bun";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";

const KILL_LINE = "\u0015";
const TAB = "\t";

/** A shell that a person types into, in a home of its own. Disposing of it ends it. */
export interface Terminal extends AsyncDisposable {
  readonly home: string;
  /** Runs a command to its end and gives what was seen. */
  run(command: string): Promise<string>;
  /** Types a line and then the tabulator; gives what was seen, and leaves an empty line. */
  tab(line: string): Promise<string>;
}

/** A new home in which `cyme` and `cyme-branch` are on the path, in `bin`. Who makes it removes it. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "cyme-shell-"));
  await mkdir(join(home, "bin"));
  await Promise.all(["cyme", "cyme-branch"].map((name) => symlink(BINARY, join(home, "bin", name))));
  return home;
}

/** Starts an interactive shell there. `setup` are lines that it runs first; `env` is added to a plain environment. */
export async function startTerminal(
  argv: readonly string[],
  { home, setup, env = {} }: { home: string; setup: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<Terminal> {
  let seen = "";
  let ends = 0;
  const decoder = new TextDecoder();
  const shell = Bun.spawn([...argv], {
    cwd: home,
    env: {
      HOME: home,
      PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
      TERM: "xterm",
      LANG: "C.UTF-8",
      ...env,
    },
    terminal: {
      cols: 200,
      rows: 60,
      data: (_terminal, bytes) => void (seen += decoder.decode(bytes, { stream: true })),
    },
  });
  const type = (keys: string) => void shell.terminal?.write(keys);
  /** Types and waits until the shell has dealt with it: it does one thing after another. */
  const typed = async (keys: string): Promise<string> => {
    const from = seen.length;
    const end = `end${++ends}.`;
    // Written apart, so that what is typed does not look like what is printed.
    type(`${keys}echo en""d${ends}.\r`);
    await until(() => seen.includes(end, from), { what: `${end} in ${JSON.stringify(seen.slice(from))}` });
    return stripANSI(seen.slice(from)).split(/echo\s+en/)[0] ?? "";
  };
  const terminal: Terminal = {
    home,
    run: (command) => typed(`${command}\r`),
    tab: (line) => typed(`${line}${TAB}${KILL_LINE}`),
    async [Symbol.asyncDispose]() {
      shell.kill("SIGKILL");
      await shell.exited;
      await rm(home, { recursive: true, force: true });
    },
  };
  for (const line of setup) await terminal.run(line);
  return terminal;
}
