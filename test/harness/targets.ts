import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** A request as its bytes were on the wire: names and case of headers kept, repeated ones too. */
export interface Seen {
  readonly method: string;
  /** Of the request line, byte for byte (Latin-1). */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** A server of a test. */
export interface Target extends AsyncDisposable {
  /** `http://127.0.0.1:1234`, without a slash at the end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** How many connections were made to it. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** A web server that remembers what it was asked and answers it. */
export interface Echo extends Target {
  /** In the order in which they were complete; may be emptied by the test. */
  readonly requests: Seen[];
}

/**
 * Starts an echo on a free port of `host`, which may be an IPv6 address. Each request, of any verb and path, is answered 200 with
 * the JSON text `{"method","target","headers":[[name,value]…],"body","body_base64"}`, where `body` is read as UTF-8.
 */
export async function startEcho(host = "127.0.0.1"): Promise<Echo> {
  const requests: Seen[] = [];
  const target = await startTarget((socket) => {
    readRequests(socket, (seen) => {
      requests.push(seen);
      const { body, ...rest } = seen;
      const text = JSON.stringify({ ...rest, body: body.toString(), body_base64: body.toString("base64") });
      socket.write(answer({ method: seen.method, type: "application/json", body: text }));
    });
  }, host);
  return { ...target, requests };
}

/** Starts a TCP server on a free port of `host` that gives each connection to `serve`. */
export async function startTarget(serve: (socket: Socket) => void, host = "127.0.0.1"): Promise<Target> {
  const open = new Set<Socket>();
  let made = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    made++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy()); // The other side may go away whenever it likes.
    serve(socket);
  });
  const port = await listen(server, host);
  const stop = async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { url, host, port, connections: () => made, stop, [Symbol.asyncDispose]: stop };
}

async function listen(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error(`No port on ${host}: ${address}`);
  return address.port;
}

/** The bytes of a complete answer. */
export function answer(options: {
  method?: string;
  status?: string;
  type?: string;
  headers?: readonly string[];
  body?: string | Uint8Array;
}): Buffer {
  const { method = "GET", status = "200 OK", type, headers = [], body = "" } = options;
  const bytes = Buffer.from(body);
  const head = [
    `HTTP/1.1 ${status}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...(method === "CONNECT" ? [] : [`Content-Length: ${bytes.length}`]),
    ...headers,
    "",
    "",
  ].join("\r\n");
  const hasBody = method !== "HEAD" && method !== "CONNECT";
  return Buffer.concat([Buffer.from(head, "latin1"), hasBody ? bytes : Buffer.alloc(0)]);
}

/** Calls `onRequest` with each complete request on the connection. */
export function readRequests(socket: Socket, onRequest: (seen: Seen) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, Buffer.from(chunk)]);
    for (let parsed = parse(rest); parsed !== undefined; parsed = parse(rest)) {
      rest = parsed.rest;
      onRequest(parsed.seen);
    }
  });
}

/** The first request of `bytes` and what follows it; undefined while it is not complete. */
function parse(bytes: Buffer): { seen: Seen; rest: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const [method = "", ...words] = line.split(" ");
  const target = words.slice(0, -1).join(" ");
  const headers = lines.map((text): [string, string] => {
    const colon = text.indexOf(":");
    return [text.slice(0, colon), text.slice(colon + 1).trim()];
  });
  const of = (name: string) => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  const after = bytes.subarray(end + 4);
  const content =
    of("transfer-encoding") === "chunked" ? chunked(after) : whole(after, Number(of("content-length") ?? 0));
  if (content === undefined) return undefined;
  return { seen: { method, target, headers, body: content.body }, rest: content.rest };
}

interface Content {
  readonly body: Buffer;
  readonly rest: Buffer;
}

function whole(bytes: Buffer, length: number): Content | undefined {
  if (bytes.length < length) return undefined;
  return { body: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

function chunked(bytes: Buffer): Content | undefined {
  const chunks: Buffer[] = [];
  for (let rest = bytes; ;) {
    const end = rest.indexOf("\r\n");
    if (end < 0) return undefined;
    const size = Number.parseInt(rest.subarray(0, end).toString("latin1"), 16);
    const chunk = whole(rest.subarray(end + 2), size + 2);
    if (chunk === undefined) return undefined;
    rest = chunk.rest;
    if (size === 0) return { body: Buffer.concat(chunks), rest };
    chunks.push(chunk.body.subarray(0, size));
  }
}
