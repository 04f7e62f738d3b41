import { connect, type Socket } from "node:net";

interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

/** One connection on which requests follow each other, each after the answer to the one before: a client's own costs least so. */
export interface KeepAlive extends Disposable {
  /** `head` is the request line and headers, but for Host. Rejects where the connection cannot be made or breaks; the next ask makes another. */
  ask(head: string): Promise<KeptAnswer>;
}

/** A connection to `port` of 127.0.0.1, made when it is first used. */
export function keepAlive(port: number): KeepAlive {
  let socket: Socket | undefined;
  let received = "";
  let asked: { resolve: (answer: KeptAnswer) => void; reject: (error: Error) => void } | undefined;

  const broken = (from: Socket, error: Error) => {
    if (socket !== from) return;
    socket = undefined;
    received = "";
    from.destroy();
    asked?.reject(error);
    asked = undefined;
  };
  const open = () => {
    const opened = connect({ host: "127.0.0.1", port, noDelay: true });
    opened.on("error", (error) => broken(opened, error));
    opened.on("close", () => broken(opened, new Error("The connection was closed")));
    opened.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const answer = whole(received);
      if (!answer) return;
      received = "";
      asked?.resolve(answer);
      asked = undefined;
    });
    return opened;
  };
  return {
    ask(head) {
      return new Promise((resolve, reject) => {
        asked = { resolve, reject };
        socket ??= open();
        socket.write(`${head}\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      });
    },
    [Symbol.dispose]() {
      socket?.destroy();
    },
  };
}

function whole(text: string): KeptAnswer | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  if (length === undefined || text.length < head + 4 + Number(length)) return undefined;
  return { status: Number(text.slice(9, 12)), body: text.slice(head + 4) };
}
