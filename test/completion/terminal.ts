import { stripANSI } from "bun";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../harness/wait.ts";

const KILL_LINE = "\u0015";
const TAB = "\t";
/** What every shell is to show as its prompt. */
export const PROMPT = "ready> ";

/** A shell that a person types into, in a home of its own. Disposing of it ends it. */
export interface Terminal extends AsyncDisposable {
  readonly home: string;
  /** Runs a command to its end. */
  run(command: string): Promise<void>;
  /** Types a line and then the tabulator. */
  tab(line: string): Promise<Seen>;
}

/** What is seen after a press of the tabulator. */
interface Seen {
  /** The line with what was added to it; by some shells drawn more than once, so that only its end is sure. */
  readonly line: string;
  /** The words below it, where there is a choice. */
  readonly words: readonly string[];
}

interface Setting {
  /** Where install.sh has put `bin/cyme`. */
  readonly prefix: string;
  /** Added to a plain environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines that it runs first, the first of which makes `PROMPT` its prompt. */
  readonly setup: readonly string[];
}

/** Starts an interactive shell. */
export async function startTerminal(argv: readonly string[], { prefix, env, setup }: Setting): Promise<Terminal> {
  const home = await mkdtemp(join(tmpdir(), "cyme-shell-"));
  let seen = "";
  let ends = 0;
  const decoder = new TextDecoder();
  const shell = Bun.spawn([...argv], {
    cwd: home,
    env: {
      HOME: home,
      PATH: `${join(prefix, "bin")}:${process.env["PATH"]}`,
      TMPDIR: tmpdir(),
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
  /** Types and gives what is seen until the shell has dealt with it: it does one thing after another. */
  const typed = async (keys: string): Promise<string> => {
    const from = seen.length;
    const end = `end${++ends}.`;
    // Written apart, so that what is typed does not look like what is printed.
    shell.terminal?.write(`${keys}echo en""d${ends}.\r`);
    // Until the prompt stands again it is the system that reads the keys, and it takes some for itself.
    const isReady = () => seen.includes(end, from) && seen.includes(PROMPT, seen.indexOf(end, from));
    await until(isReady, { what: `${end} and the prompt in ${JSON.stringify(seen.slice(from))}` });
    return stripANSI(seen.slice(from)).split(/echo\s+en/)[0] ?? "";
  };
  const terminal: Terminal = {
    home,
    async run(command) {
      await typed(`${command}\r`);
    },
    tab: async (line) => read(await typed(`${line}${TAB}${KILL_LINE}`)),
    async [Symbol.asyncDispose]() {
      shell.kill("SIGKILL");
      await shell.exited;
      await rm(home, { recursive: true, force: true });
    },
  };
  for (const line of setup) await terminal.run(line);
  return terminal;
}

function read(text: string): Seen {
  // What was drawn over, and the bell.
  const clean = text.replaceAll("\u0007", "").replaceAll(/[^\b][\b]|[\b]/g, "");
  const [line = "", ...below] = clean.split("\n");
  // Below what there is some shells draw the line again.
  const words = below.flatMap((part) => part.split("\r")).filter((part) => !/^(?:ready> )?cyme\b/.test(part));
  return { line: line.replaceAll("\r", "").trimEnd(), words: words.join(" ").split(/\s+/).filter(Boolean) };
}
