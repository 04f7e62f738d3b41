import type { Transport } from "../client/transport.ts";
import type { BranchOptions } from "../domain/branch.ts";
import type { Io } from "./io.ts";
import type { LocalOptions } from "./local-transport.ts";

/** What the command line needs of other rooms; loaded only by the commands that use it. */
export interface Rooms {
  /** Runs the daemon until it is told to stop; resolves to the exit code. */
  runBranch(options: BranchOptions, io: Io): Promise<number>;
  /** Disposed after the command, where it can be. */
  localTransport(options: LocalOptions, io: Io): Promise<Transport & Partial<AsyncDisposable>>;
  httpTransport(url: string, options: { token: string | undefined }): Promise<Transport>;
  exists(path: string): Promise<boolean>;
  /** The bytes of a file, of standard input where it is called `-`; rejects when `signal` is aborted. */
  readFile(path: string, signal: AbortSignal): Promise<Uint8Array>;
}

export const ROOMS: Rooms = {
  runBranch: async (options, io) => (await import("../branch/run.ts")).runBranch(options, io),
  localTransport: async (options, io) => (await import("./local-transport.ts")).localTransport(options, io),
  async httpTransport(url, options) {
    const { httpTransport } = await import("../client/http-transport.ts");
    reachLoopbackDirectly();
    return httpTransport(url, options);
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

/** fetch sends even 127.0.0.1 through `HTTP_PROXY`, where a proxy would look for the branch on its own machine. */
function reachLoopbackDirectly(): void {
  const direct = [process.env["NO_PROXY"] ?? process.env["no_proxy"], "127.0.0.1", "::1", "localhost"];
  process.env["NO_PROXY"] = direct.filter(Boolean).join(",");
}
