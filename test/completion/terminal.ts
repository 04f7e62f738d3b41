import { stripANSI } from "bun";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../harness/wait.ts";

const TO_BEGINNING = "\u0001";
const LEFT = "\u0002";
const TAB = "\t";
/** What every shell is to show as its prompt. */
export const PROMPT = "ready> ";

/** A shell that a person types into, in a home of its own. Disposing of it ends it. */
export interface Terminal extends AsyncDisposable {
  readonly home: string;
  /** Runs a command to its end. */
  run(command: string): Promise<void>;
  /** Types a line and then the tabulator, with the cursor before `behind`. */
  tab(line: string, behind?: string): Promise<Seen>;
}

/** What is there after a press of the tabulator. */
export interface Seen {
  /** The words of the line, with what was added. */
  readonly line: string;
  /** The words shown below it, where there is a choice. */
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
  /**
   * Types `keys`, and then has the shell print the line that this made, since what is drawn is drawn over. Gives what was seen before,
   * and the line.
   */
  const typed = async (keys: string): Promise<{ text: string; line: string }> => {
    const from = seen.length;
    const end = `end${++ends}.`;
    // Written apart, so that what is typed does not look like what is printed.
    shell.terminal?.write(`${keys}${TO_BEGINNING}echo en""d${ends}. \r`);
    // Until the prompt stands again it is the system that reads the keys, and it takes some for itself.
    const isReady = () => seen.includes(end, from) && seen.includes(PROMPT, seen.indexOf(end, from));
    await until(isReady, { what: `${end} and the prompt in ${JSON.stringify(seen.slice(from))}` });
    const [before = "", after = ""] = stripANSI(seen.slice(from)).split(end, 2);
    return { text: before.split(/\becho\b/)[0] ?? "", line: after.split(/[\r\n]/)[0]?.trim() ?? "" };
  };
  const terminal: Terminal = {
    home,
    async run(command) {
      await typed(`${command}\r`);
    },
    async tab(line, behind = "") {
      const there = await typed(`${line}${behind}${LEFT.repeat(behind.length)}${TAB}`);
      return { line: there.line, words: wordsBelow(there.text) };
    },
    async [Symbol.asyncDispose]() {
      shell.kill("SIGKILL");
      await shell.exited;
      await rm(home, { recursive: true, force: true });
    },
  };
  for (const line of setup) await terminal.run(line);
  return terminal;
}

function wordsBelow(text: string): string[] {
  const [, ...below] = text.split("\n");
  // Below what there is some shells draw the line again.
  const parts = below.flatMap((part) => part.split("\r")).filter((part) => !/^(?:ready> )?cyme\b/.test(part));
  return parts
    .join(" ")
    .replaceAll(/[^\b]?[\b]/g, "")
    .split(/\s+/)
    .filter(Boolean);
}
