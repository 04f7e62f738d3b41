import { connect } from "node:net";

/** A request exactly as it goes over the wire: no client resolves its path, refuses its verb or adds to its headers. */
export interface RawRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** `Host` is the branch's own where it is not given. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its Content-Length; in pieces where it is a list, without one (chunked). */
  readonly body?: Uint8Array | string | readonly string[];
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const ANSWER_MS = 90_000;

/** Sends one request to a branch, on a connection of its own, and reads the answer to its end. */
export function raw(url: string, request: RawRequest): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(wire(host, request)));
    const end = () => {
      socket.destroy();
      const whole = parse(Buffer.concat(received));
      if (whole) resolve(whole);
      else reject(new Error(`No whole answer to ${request.method} ${request.path.slice(0, 100)}`));
    };
    socket.setTimeout(ANSWER_MS, end);
    socket.on("data", (chunk) => {
      received.push(Buffer.from(chunk));
      if (parse(Buffer.concat(received))?.isWhole) end();
    });
    // A branch that refuses a body may close while it is still being sent: what it said counts.
    socket.on("error", end);
    socket.on("end", end);
  });
}

function wire(host: string, { method, path, headers = {}, body }: RawRequest): Buffer {
  const sent = { Host: host, Connection: "close", ...framing(body), ...headers };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), payload(body)]);
}

function framing(body: RawRequest["body"]): Record<string, string> {
  if (body === undefined) return {};
  if (isPieces(body)) return { "Transfer-Encoding": "chunked" };
  return { "Content-Length": String(Buffer.byteLength(body)) };
}

function payload(body: RawRequest["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (!isPieces(body)) return Buffer.from(body as Uint8Array);
  const chunks = body.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  return Buffer.from(`${chunks.join("")}0\r\n\r\n`);
}

const isPieces = (body: RawRequest["body"]): body is readonly string[] => Array.isArray(body);

function parse(bytes: Buffer): (RawAnswer & { isWhole: boolean }) | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
  const body = bytes.subarray(headEnd + 4);
  const length = headers.get("content-length");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers,
    text: body.toString(),
    isWhole: length !== null && body.length >= Number(length),
  };
}
