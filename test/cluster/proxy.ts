import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";

/** A way to a server that can be blocked. Disposing of it ends all that go by it. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Lets nothing through any more, and tells nobody: connections stay open, as over a network that loses all packets. */
  block(): void;
  /** Ends the connections that were blocked; new ones go through. */
  mend(): void;
}

/** Starts a proxy on a free port of this machine to `port` of it. */
export async function startProxy(port: number): Promise<Proxy> {
  const open = new Set<Socket>();
  let isBlocked = false;
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const carry = (from: Socket, to: Socket) => {
    from.on("data", (bytes) => {
      if (!isBlocked) to.write(bytes);
    });
    from.on("close", () => {
      if (!isBlocked) to.destroy();
    });
  };
  const endAll = () => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer((client) => {
    keep(client);
    if (isBlocked) return;
    const target = connect({ host: "127.0.0.1", port });
    keep(target);
    carry(client, target);
    carry(target, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a proxy listens on a port");
  return {
    port: address.port,
    block: () => void (isBlocked = true),
    mend() {
      endAll();
      isBlocked = false;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      endAll();
    },
  };
}
