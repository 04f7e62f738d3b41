import { expect } from "bun:test";
import { requestLine, testTransport, type TestAnswer } from "../client/test-transport.ts";
import type { ClientRequest, Transport } from "../client/transport.ts";
import type { BranchOptions } from "../domain/branch.ts";
import type { ConfigFile } from "./client-config.ts";
import type { ShellSettings } from "../shell/settings.ts";
import type { Environment, Host, Io } from "./io.ts";
import { main } from "./main.ts";
import type { LocalOptions } from "./local-transport.ts";

interface Settings {
  readonly env?: Environment;
  /** What the branch answers to every request. */
  readonly answer?: TestAnswer;
  readonly isTTY?: boolean;
  /** Of the terminal; 80 columns and 24 rows without it. */
  readonly screen?: { readonly columns?: number; readonly rows?: number };
  /** Whether the files exist that are looked for. */
  readonly exists?: boolean;
  readonly transport?: Transport;
  /** What is in the files that are read, by their paths; `-` is standard input. */
  readonly files?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** The configuration of the client. */
  readonly config?: ConfigFile;
  /** What a person types, line by line; without it standard input is no terminal. */
  readonly typed?: readonly string[];
}

const testHost: Host = {
  interrupted: new AbortController().signal,
  onHangup() {},
  exit(code) {
    throw new Error(`A command wants to end the process with ${code}`);
  },
};

/** Runs one command line in-process against a branch for tests, and gives all that was seen of it. */
export async function runCyme(argv: readonly string[], settings: Settings = {}) {
  const { env = {}, answer, isTTY = false, exists = false } = settings;
  const seen = { stdout: "", stderr: "", opened: [] as string[], asked: [] as string[], closed: 0 };
  const typed = [...(settings.typed ?? [])];
  const local: LocalOptions[] = [];
  const branches: BranchOptions[] = [];
  const shells: ShellSettings[] = [];
  const { transport: answering, requests } = testTransport(answer);
  const transport = settings.transport ?? answering;
  const io: Io = {
    stdout: (text) => (seen.stdout += text),
    stderr: (text) => (seen.stderr += text),
    stdoutIsTTY: isTTY,
    stderrIsTTY: isTTY,
    stderrColumns: 80,
    screen: { columns: 80, rows: 24, onResize: () => () => {}, ...settings.screen },
    signal: settings.signal ?? new AbortController().signal,
    host: testHost,
  };
  const code = await main(argv, env, io, {
    async runBranch(options) {
      branches.push(options);
      return 0;
    },
    async localTransport(options) {
      local.push(options);
      seen.opened.push(`local ${options.instanceDir}`);
      return Object.assign((request: ClientRequest) => transport(request), {
        async [Symbol.asyncDispose]() {
          seen.closed++;
        },
      });
    },
    async configFile() {
      return settings.config;
    },
    isTerminal: () => settings.typed !== undefined,
    async ask(question) {
      seen.asked.push(question);
      return typed.shift() ?? "";
    },
    async runShell(shell, { token }) {
      shells.push({ ...shell, token });
      return 0;
    },
    quitByKey: () => () => {},
    userName: () => "me",
    async httpTransport(url, { token }) {
      seen.opened.push(`http ${url}${token === undefined ? "" : ` ${token}`}`);
      return transport;
    },
    exists: async () => exists,
    async readFile(path) {
      const text = settings.files?.[path];
      if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
      return new TextEncoder().encode(text);
    },
  });
  return { code, ...seen, requests, sent: requests.map(requestLine), local, branches, shells };
}

/** Expects that a command line is refused with exit code 2 before anything is sent; returns what it said. */
export async function refused(argv: readonly string[], env: Environment = {}): Promise<string> {
  const run = await runCyme(argv, { env });
  expect({ code: run.code, stdout: run.stdout, sent: run.sent, branches: run.branches }).toEqual({
    code: 2,
    stdout: "",
    sent: [],
    branches: [],
  });
  return run.stderr;
}
