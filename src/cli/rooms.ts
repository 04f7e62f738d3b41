import type { Transport } from "../client/transport.ts";
import type { BranchOptions } from "../domain/branch.ts";
import type { ConfigFile } from "./client-config.ts";
import type { Io } from "./io.ts";
import type { LocalOptions } from "./local-transport.ts";
import type { ShellSettings } from "../shell/settings.ts";
import { onTerminalSignals } from "./terminal-signals.ts";

export interface ConnectOptions {
  readonly token: string | undefined;
  /** Paths of PEM files. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What the command line needs of other rooms; loaded only by the commands that use it. */
export interface Rooms {
  /** Runs the daemon until it is told to stop; resolves to the exit code. */
  runBranch(options: BranchOptions, io: Io): Promise<number>;
  /** Disposed after the command, where it can be. */
  localTransport(
    options: LocalOptions,
    io: Pick<Io, "stderr" | "signal">,
  ): Promise<Transport & Partial<AsyncDisposable>>;
  httpTransport(url: string, options: ConnectOptions): Promise<Transport>;
  /** Runs a shell on the terminal until it is left, or `io.signal` is aborted; resolves to its exit code. */
  runShell(settings: ShellSettings, login: ConnectOptions, io: Pick<Io, "signal" | "stderr">): Promise<number>;
  /** The file of that path; undefined where there is none. */
  configFile(path: string): Promise<ConfigFile | undefined>;
  /** Whether standard input is a terminal. */
  isTerminal(): boolean;
  /** Asks there for one line; rejects where the asking is ended. */
  ask(question: string, how: { readonly isSecret: boolean }, io: Io): Promise<string>;
  /**
   * Has `q`, SIGHUP and SIGQUIT end the command as Ctrl-C does, so that the terminal is given back, and shows nothing of what is typed;
   * gives what ends that.
   */
  quitByKey(): () => void;
  /** Who runs the command. */
  userName(): string;
  exists(path: string): Promise<boolean>;
  /** The bytes of a file, of standard input where it is called `-`; rejects when `signal` is aborted. */
  readFile(path: string, signal: AbortSignal): Promise<Uint8Array>;
}

export const ROOMS: Rooms = {
  runBranch: async (options, io) => (await import("../branch/run.ts")).runBranch(options, io),
  localTransport: async (options, io) => (await import("./local-transport.ts")).localTransport(options, io),
  async httpTransport(url, { token, ca, cert, key }) {
    const { httpTransport } = await import("../client/http-transport.ts");
    const tls = await tlsOf({ ca, cert, key });
    return httpTransport(url, { token, tls, spelling: { ca: "--ca", cert: "--cert", key: "--key" } });
  },
  async runShell(settings, { token, ca, cert, key }, io) {
    const { runShellProcess } = await import("./shell-process.ts");
    return runShellProcess({ ...settings, token, tls: await tlsOf({ ca, cert, key }) }, io);
  },
  async configFile(path) {
    const { readFile, stat } = await import("node:fs/promises");
    const file = await stat(path).catch(() => undefined);
    return file && { mode: file.mode, text: await readFile(path, "utf8") };
  },
  isTerminal: () => process.stdin.isTTY === true,
  async ask(question, how, io) {
    const { askLine } = await import("./ask.ts");
    return askLine(question, how, process.stdin, io, interrupt);
  },
  quitByKey() {
    const { stdin } = process;
    const endSignals = onTerminalSignals(interrupt);
    if (stdin.isTTY !== true) return endSignals;
    const onData = (keys: Uint8Array) => {
      // In raw mode Ctrl-C makes no signal.
      if ([..."qQ", CTRL_C].some((key) => new TextDecoder().decode(keys).includes(key))) interrupt();
    };
    stdin.setRawMode(true);
    stdin.on("data", onData);
    stdin.resume();
    return () => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      endSignals();
    };
  },
  userName() {
    // Bun's userInfo() knows no more than USER, which services and containers do not have.
    const { stdout } = Bun.spawnSync(["id", "-un"], { stderr: "ignore" });
    return stdout.toString().trim() || "admin";
  },
  async exists(path) {
    const { access } = await import("node:fs/promises");
    return access(path).then(
      () => true,
      () => false,
    );
  },
  readFile: (path, signal) => (path === "-" ? readInput(signal) : Bun.file(path).bytes()),
};

/** Undefined where nothing is given. */
async function tlsOf(files: Omit<ConnectOptions, "token">) {
  const isPlain = Object.values(files).every((path) => path === undefined);
  return isPlain ? undefined : (await import("./tls-files.ts")).readTlsFiles(files);
}

const CTRL_C = "\u0003";

/** As the terminal would have done it. */
const interrupt = () => void process.kill(process.pid, "SIGINT");

/** Not `Bun.stdin.bytes()`, which waits for a person to end the input also after Ctrl-C. */
async function readInput(signal: AbortSignal): Promise<Uint8Array> {
  const reader = Bun.stdin.stream().getReader();
  const stop = () => void reader.cancel();
  signal.addEventListener("abort", stop, { once: true });
  const chunks: Uint8Array[] = [];
  for (let read = await reader.read(); !read.done; read = await reader.read()) chunks.push(read.value);
  signal.throwIfAborted();
  return Buffer.concat(chunks);
}
