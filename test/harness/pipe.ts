import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A way to the broker that a test can interrupt. */
export interface Pipe {
  /** That of the broker by this way. */
  readonly url: string;
  /** Nothing passes, and both ends do not know. */
  pause(): void;
  resume(): void;
  /** From now on all takes `ms` longer to pass, each way. */
  delay(ms: number): void;
  /** Both ends know, and none can connect. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** Opens a way to the broker of `brokerUrl`, which is on this machine. */
export async function openPipe(brokerUrl: string): Promise<Pipe> {
  const sockets = new Set<Socket>();
  let mode: "open" | "paused" | "cut" = "open";
  const line = { delayMs: 0 };
  const port = Number(new URL(brokerUrl).port);
  const server: Server = createServer({ noDelay: true }, (near) => {
    if (mode === "cut") {
      near.destroy();
      return;
    }
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    join(near, far, sockets, line);
    join(far, near, sockets, line);
    if (mode === "paused") for (const socket of [near, far]) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const own = (server.address() as AddressInfo).port;
  const cut = () => {
    mode = "cut";
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: brokerUrl.replace(`:${port}/`, `:${own}/`),
    pause() {
      mode = "paused";
      for (const socket of sockets) socket.pause();
    },
    resume() {
      if (mode === "paused") mode = "open";
      for (const socket of sockets) socket.resume();
    },
    delay(ms) {
      line.delayMs = ms;
    },
    cut,
    mend() {
      mode = "open";
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function join(from: Socket, to: Socket, sockets: Set<Socket>, line: { readonly delayMs: number }): void {
  sockets.add(from);
  let passing = Promise.resolve();
  from.on("data", (chunk) => {
    const { delayMs } = line;
    // One after another, so that what was not held up does not overtake what was.
    const held = Promise.all([passing, delayMs > 0 && Bun.sleep(delayMs)]);
    passing = held.then(() => void to.write(chunk));
  });
  from.on("error", () => {});
  from.on("close", () => {
    sockets.delete(from);
    to.destroy();
  });
}
