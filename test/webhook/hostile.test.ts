import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { celeries } from "../harness/celery.ts";
import { answer, startTarget, type Target } from "../harness/targets.ts";
import { startFetcher, type Fetcher } from "./fetcher.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const SHORT_S = 0.4;

/** What the server does, the type of the failure, how it does it, and words of the failure. */
type Row = [what: string, type: string, serve: (socket: Socket) => void, words: string];

/** An answer of five bytes, after which the connection stays open. */
const LENGTHS = (...lengths: string[]) =>
  `${HEAD}${lengths.map((length) => `Content-Length: ${length}\r\n`).join("")}\r\nabcde`;

describe.each(celeries())("a request by the Python of Celery $name to a server that", ({ python }) => {
  let fetcher: Fetcher;
  const opened: Target[] = [];
  beforeAll(() => void (fetcher = startFetcher(python)));
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((target) => target.stop()));
  });
  afterAll(() => fetcher[Symbol.asyncDispose]());

  /** A server that does this on each connection, once it got a request. */
  async function serving(serve: (socket: Socket) => void): Promise<Target> {
    const target = await startTarget((socket) => void socket.once("data", () => serve(socket)));
    opened.push(target);
    return target;
  }

  /** Writes `piece` again and again as fast as it is taken. */
  function pour(socket: Socket, piece: Buffer): void {
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("drain", more);
    more();
  }

  const drip = (socket: Socket, piece: string) => {
    const timer = setInterval(() => socket.write(piece), 20);
    socket.on("close", () => clearInterval(timer));
  };

  test.each<[string, (socket: Socket) => void]>([
    ["says nothing", () => {}],
    ["stops in its head", (socket) => socket.write(HEAD)],
    ["stops in its content", (socket) => socket.write(`${HEAD}Content-Length: 9\r\n\r\nabc`)],
    ["drips its head", (socket) => drip(socket.write("HTTP/1.1 200 OK\r\nA: ") ? socket : socket, "x")],
    [
      "drips its content",
      (socket) => {
        socket.write(`${HEAD}\r\n`);
        drip(socket, "x");
      },
    ],
    ["drips answers of status 1xx", (socket) => drip(socket, "HTTP/1.1 100 Continue\r\n\r\n")],
  ])("%s fails when the time is over", async (_what, serve) => {
    const { url } = await serving(serve);
    const begunMs = performance.now();
    const { type, message } = await fetcher.failure({ url: `${url}/a?secret#b`, seconds: SHORT_S });
    expect([type, message]).toEqual(["TimeoutError", `No complete answer from ${url}/a within ${SHORT_S} s`]);
    expect(performance.now() - begunMs).toBeLessThan(5000);
  });

  test("does not take the request fails when the time is over", async () => {
    const target = await startTarget((socket) => void socket.pause());
    opened.push(target);
    const work = { url: target.url, method: "POST", body: "x".repeat(30_000_000), seconds: SHORT_S };
    expect((await fetcher.failure(work)).type).toBe("TimeoutError");
  });

  test("answers slowly over many redirects fails when the time is over", async () => {
    const { url } = await serving(
      (socket) => void setTimeout(() => socket.end(answer({ status: "302 R", headers: ["Location: /"] })), 100),
    );
    expect((await fetcher.failure({ url, seconds: SHORT_S })).type).toBe("TimeoutError");
  });

  test("is not there is named", async () => {
    const gone = await startTarget(() => {});
    await gone.stop();
    expect(await fetcher.failure({ url: gone.url })).toMatchObject({
      type: "ConnectionRefusedError",
      message: `Cannot connect to 127.0.0.1 port ${gone.port}: Connection refused`,
    });
  });

  test.each<Row>([
    ["resets", "ConnectionResetError", (socket) => socket.resetAndDestroy(), "broke before the answer was complete"],
    [
      "resets in its content",
      "ConnectionResetError",
      (socket) =>
        socket.write(`${HEAD}Content-Length: 9\r\n\r\nabc`, () => setTimeout(() => socket.resetAndDestroy(), 50)),
      "broke before the answer was complete",
    ],
    ["closes", "BadResponse", (socket) => socket.end(), "closed the connection without an answer"],
    ["closes in its first line", "BadResponse", (socket) => socket.end("HTTP/1.1 2"), "does not answer in HTTP"],
    ["closes in its head", "BadResponse", (socket) => socket.end(HEAD), "in the head of its answer"],
    [
      "closes in its content",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Content-Length: 9\r\n\r\nabc`),
      "6 bytes before the end",
    ],
    [
      "closes in a chunk",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`),
      "before the end",
    ],
    [
      "closes between chunks",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`),
      "chunks",
    ],
    [
      "sends chunks of no size",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`),
      "chunks",
    ],
    [
      "sends chunks of less than nothing",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\nabc`),
      "chunks",
    ],
    [
      "sends chunks too long",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`),
      "chunks",
    ],
    [
      "compresses on the way",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Transfer-Encoding: gzip\r\n\r\nabc`),
      "transfer encoding",
    ],
    ["speaks something else", "BadResponse", (socket) => socket.end("SSH-2.0-OpenSSH\r\n"), "does not answer in HTTP"],
    ["sends noise", "BadResponse", (socket) => socket.end(Buffer.alloc(100_000, 7)), "does not answer in HTTP"],
    [
      "has too many headers",
      "BadResponse",
      (socket) => socket.end(`${HEAD}${"A: b\r\n".repeat(200)}\r\n`),
      "100 headers",
    ],
    [
      "has too long a header",
      "BadResponse",
      (socket) => socket.end(`${HEAD}A: ${"b".repeat(70_000)}\r\n\r\n`),
      "65536 bytes",
    ],
    ["has two lengths", "BadResponse", (socket) => socket.write(LENGTHS("5", "6")), "more than one Content-Length"],
    ["has a list of two lengths", "BadResponse", (socket) => socket.write(LENGTHS("5, 6")), "more than one"],
    ...["+5", "-5", "5x", "0x5", "", "5,", "5 5", "٥"].map((length): Row => [
      `has the length ${JSON.stringify(length)}`,
      "BadResponse",
      (socket) => socket.write(LENGTHS(length)),
      "no number",
    ]),
    ...[
      "Content-Length : 5",
      "no colon",
      ": no name",
      "A B: C",
      "A: b\rContent-Length: 5",
      "A: b\0c",
      "\u00fc: b",
      "From me: b",
    ].map((line): Row => [
      `has the line ${JSON.stringify(line)} among its headers`,
      "BadResponse",
      (socket) => socket.write(`${HEAD}${line}\r\nContent-Length: 5\r\n\r\nabcde`),
      "a line among its headers",
    ]),
    [
      "begins its headers in the middle of one",
      "BadResponse",
      (socket) => socket.write("HTTP/1.1 200 OK\r\n A: b\r\n\r\n"),
      "a line among its headers",
    ],
    [
      "closes in a header",
      "BadResponse",
      (socket) => socket.end(`${HEAD}Content-Le`),
      "closed the connection in the head",
    ],
    [
      "has two transfer encodings",
      "BadResponse",
      (socket) => socket.write(`${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n`),
      "transfer encoding",
    ],
    [
      "has a length too long for a number",
      "ResponseTooLarge",
      (socket) => socket.end(`${HEAD}Content-Length: ${"9".repeat(5000)}\r\n\r\n`),
      "bytes of content",
    ],
  ])("%s fails as %s, at once", async (_what, type, serve, words) => {
    const { url } = await serving(serve);
    expect(await fetcher.failure({ url, seconds: 10 })).toMatchObject({
      type,
      message: expect.stringContaining(words),
    });
  });

  test("redirects for ever is left", async () => {
    const target = await serving((socket) => socket.end(answer({ status: "302 R", headers: ["Location: /again"] })));
    expect((await fetcher.failure({ url: target.url })).type).toBe("TooManyRedirects");
    expect(target.connections()).toBe(11);
  });

  test("answers before it has read the request is heard", async () => {
    const { url } = await serving((socket) => socket.end(answer({ status: "413 Too Large", body: "no" })));
    const got = await fetcher.fetch({ url, method: "POST", body: "x".repeat(100_000) });
    expect([got.status_code, got.content]).toEqual([413, "no"]);
  });

  test.each<[string, string, (piece: Buffer) => Buffer]>([
    ["without end", "", (piece) => piece],
    ["with a length", "Content-Length: 11534336\r\n", (piece) => piece],
    [
      "in chunks without end",
      "Transfer-Encoding: chunked\r\n",
      (piece) => Buffer.concat([Buffer.from("10000\r\n"), piece, Buffer.from("\r\n")]),
    ],
  ])("sends too much, %s, is read no further", async (_how, field, framed) => {
    let sent = 0;
    const { url } = await serving((socket) => {
      socket.write(`${HEAD}${field}\r\n`);
      pour(socket, framed(Buffer.alloc(65_536, "x")));
      socket.on("close", () => void (sent = socket.bytesWritten));
    });
    const { type, message } = await fetcher.failure({ url: `${url}/big` });
    expect([type, message]).toEqual([
      "ResponseTooLarge",
      `${url}/big answers with more than 10485760 bytes of content`,
    ]);
    expect(sent).toBeLessThan(30_000_000);
  });

  test("sends just enough is read", async () => {
    const { url } = await serving((socket) =>
      socket.end(answer({ type: "text/plain", body: Buffer.alloc(1000, "x") })),
    );
    expect((await fetcher.fetch({ url, limit: 1000 })).content.length).toBe(1000);
    expect((await fetcher.failure({ url, limit: 999 })).type).toBe("ResponseTooLarge");
  });

  test("speaks no TLS fails as that", async () => {
    const { port } = await serving((socket) => socket.end("HTTP/1.1 400 Bad\r\n\r\n"));
    const { type, message } = await fetcher.failure({ url: `https://127.0.0.1:${port}/` });
    expect([type, message]).toEqual([
      "TlsError",
      expect.stringContaining(`Cannot speak TLS with 127.0.0.1 port ${port}`),
    ]);
  });

  test("begins TLS and says no more fails when the time is over", async () => {
    const { port } = await serving(() => {});
    expect((await fetcher.failure({ url: `https://127.0.0.1:${port}/`, seconds: SHORT_S })).type).toBe("TimeoutError");
  });

  test("shows a certificate is spoken to only where the system trusts it for this name", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cyme-tls-"));
    const [key, cert] = [join(directory, "key"), join(directory, "cert")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", key, "-out", cert];
    const made = Bun.spawnSync(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, ...files]);
    expect(made.exitCode).toBe(0);
    const tls = { key: Bun.file(key), cert: Bun.file(cert) };
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls, fetch: () => new Response("safe") });
    await using trusting = startFetcher(python, { SSL_CERT_FILE: cert });
    try {
      const url = (host: string) => `https://${host}:${server.port}/`;
      expect(await trusting.fetch({ url: url("localhost") })).toMatchObject({ content: "safe" });
      const wrongName = await trusting.failure({ url: url("127.0.0.1") });
      const unknown = await fetcher.failure({ url: url("localhost") });
      expect([wrongName.type, unknown.type]).toEqual(["TlsError", "TlsError"]);
      expect(unknown.message).toMatch(/^Cannot trust localhost port \d+: self.signed certificate/);
    } finally {
      await server.stop(true);
      rmSync(directory, { recursive: true });
    }
  });
});
