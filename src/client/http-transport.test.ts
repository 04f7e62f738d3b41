import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../kit/clock.ts";
import { fetchCarrier } from "./fetch-carrier.ts";
import { httpTransport as open, type TransportOptions } from "./http-transport.ts";
import { nodeCarrier } from "./node-carrier.ts";

function serve(fetch: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch });
  return { url: server.url.href, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** Says `text` to whoever asks, and closes the connection. */
function speak(text: string) {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.end(text);
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.dispose]: () => server.stop(true) };
}

/** Has variables as they are given until it is disposed; undefined is not set. */
function environment(given: Record<string, string | undefined>): Disposable {
  const before = Object.keys(given).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(given)) set(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) set(name, value);
    },
  };
}

class CountingClock extends ManualClock {
  running = 0;

  override after(ms: number, callback: () => void): () => void {
    let isRunning = true;
    const end = () => {
      if (isRunning) this.running--;
      isRunning = false;
    };
    this.running++;
    const cancel = super.after(ms, () => {
      end();
      callback();
    });
    return () => {
      end();
      cancel();
    };
  }
}

const get = { method: "GET", path: "/x/", timeoutMs: 5000 } as const;

describe.each([
  { name: "fetch", carrier: fetchCarrier },
  { name: "Node.js's own HTTP", carrier: nodeCarrier },
])("httpTransport() by $name", ({ carrier }) => {
  const httpTransport = (url: string, options: TransportOptions = {}) => open(url, { carrier, ...options });

  test("sends method, path, query, JSON body and token, and gives status, headers and text", async () => {
    await using server = serve(async (request) => {
      const { pathname, search } = new URL(request.url);
      const seen = [request.method, pathname, search, request.headers.get("authorization"), await request.json()];
      return Response.json(seen, { status: 201, headers: { "X-Cyme-Silent": "b2" } });
    });
    const answer = await httpTransport(server.url, { token: "t0" })({
      ...get,
      method: "POST",
      query: { timeout: "5" },
      json: { a: "ü" },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-cyme-silent")).toBe("b2");
    expect(JSON.parse(answer.text)).toEqual(["POST", "/x/", "?timeout=5", "Bearer t0", { a: "ü" }]);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH"] as const)(
    "sends a body of any bytes by %s, and a path as it is",
    async (method) => {
      await using server = serve(async (request) => {
        const { pathname } = new URL(request.url);
        const bytes = [...new Uint8Array(await request.arrayBuffer())];
        return Response.json([request.method, pathname, request.headers.get("content-type"), bytes]);
      });
      const path = "/x/http%3A%2F%2Fm%2Fa%252Fb";
      const body = new Uint8Array([0, 255, 13, 10]);
      const headers = { "Content-Type": "image/x" };
      const answer = await httpTransport(server.url)({ ...get, method, path, body, headers });
      expect(JSON.parse(answer.text)).toEqual([method, path, "image/x", [0, 255, 13, 10]]);
    },
  );

  test.each(["HEAD", "TRACE"] as const)("sends %s, whose answer is in its headers", async (method) => {
    await using server = serve(
      (request) => new Response(null, { status: 202, headers: { "X-Method": request.method } }),
    );
    const { status, headers, text } = await httpTransport(server.url)({ ...get, method });
    expect([status, headers.get("x-method"), text]).toEqual([202, method, ""]);
  });

  test("keeps the path of the URL as a prefix", async () => {
    await using server = serve((request) => new Response(new URL(request.url).pathname));
    expect((await httpTransport(`${server.url}cyme/`)(get)).text).toBe("/cyme/x/");
  });

  test("gives an error answer as it is, and follows no redirect", async () => {
    await using server = serve(() => new Response("no", { status: 302, headers: { Location: "/y/" } }));
    expect(await httpTransport(server.url)(get)).toMatchObject({ status: 302, text: "no" });
  });

  test("gives text piece by piece as it comes, and has no deadline once it has begun", async () => {
    const late = Promise.withResolvers<void>();
    await using server = serve(() => {
      async function* body() {
        yield new Uint8Array([...Buffer.from("one"), 0xc3]); // The first half of an ä.
        await late.promise;
        yield new Uint8Array([0xa4, ...Buffer.from("two")]);
      }
      return new Response(body());
    });
    const clock = new ManualClock();
    const pieces: string[] = [];
    const onText = (text: string) => {
      pieces.push(text);
      void clock.advance(60_000).then(late.resolve);
    };
    expect((await httpTransport(server.url, { clock })({ ...get, onText })).text).toBe("");
    expect(pieces.join("")).toBe("oneätwo");
  });

  test("ends, and rejects with what was thrown, where a taker of text throws", async () => {
    const ended = Promise.withResolvers<void>();
    await using server = serve(({ signal }) => {
      signal.addEventListener("abort", () => ended.resolve());
      async function* body() {
        yield "one";
        await new Promise(() => {});
      }
      return new Response(body());
    });
    const mine = new TypeError("mine");
    const onText = () => {
      throw mine;
    };
    expect(await httpTransport(server.url)({ ...get, onText }).catch((error: unknown) => error)).toBe(mine);
    await ended.promise;
  });

  test("speaks over a socket file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cyme-"));
    const unix = join(folder, "branch.sock");
    const server = Bun.serve({ unix, development: false, fetch: () => new Response("over the socket") });
    try {
      expect((await httpTransport("http://branch", { unix })(get)).text).toBe("over the socket");
    } finally {
      await server.stop(true);
      rmSync(folder, { recursive: true });
    }
  });

  test("says how to start a branch where nothing listens", async () => {
    const server = serve(() => new Response());
    await server[Symbol.asyncDispose]();
    const answer = httpTransport(server.url)(get);
    await expect(answer).rejects.toMatchObject({ code: "unavailable", facts: { reached: false } });
    await expect(answer).rejects.toThrow("connection refused; is the branch running? start it with `cyme branch`");
  });

  test("says of a lost connection that the request may have got there", async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          socket.terminate();
        },
      },
    });
    const answer = httpTransport(`http://127.0.0.1:${server.port}`)(get);
    await expect(answer).rejects.toMatchObject({ code: "unavailable", facts: { reached: true } });
    await expect(answer).rejects.toThrow("closed before the answer; does it serve https?");
  });

  test.each(["GET", "PUT", "DELETE", "POST"] as const)(
    "sends %s once, also where connections were good before",
    async (method) => {
      let isLost = false;
      let asked = 0;
      using server = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          data(socket) {
            asked++;
            if (isLost) socket.terminate();
            else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
          },
        },
      });
      const ask = httpTransport(`http://127.0.0.1:${server.port}`);
      await ask(get);
      isLost = true;
      await expect(ask({ ...get, method })).rejects.toMatchObject({ facts: { reached: true } });
      expect(asked).toBe(2);
    },
  );

  test.each([
    ["a body that is shorter than was said", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2"],
    [
      "a chunk that is the last without saying so",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n",
    ],
  ])("says of %s that the answer was cut off", async (_, text) => {
    using server = speak(text);
    const answer = httpTransport(server.url)(get);
    await expect(answer).rejects.toMatchObject({ code: "unavailable", facts: { reached: true } });
    await expect(answer).rejects.toThrow("was cut off");
  });

  test("says of what is no HTTP that it is none, and that no branch was reached", async () => {
    using server = speak("SSH-2.0-OpenSSH_9.2p1\r\n");
    const answer = httpTransport(server.url)(get);
    await expect(answer).rejects.toMatchObject({ code: "unavailable", facts: { reached: false } });
    await expect(answer).rejects.toThrow("does not speak HTTP");
  });

  test("takes an answer of 10 MB whole", async () => {
    const text = "ü".repeat(5_000_000);
    await using server = serve(() => new Response(text));
    expect((await httpTransport(server.url)(get)).text).toBe(text);
  });

  test.each([
    ["an answer", "/x/"],
    ["a timeout", "/never/"],
    ["being ended", "/end/"],
  ])("leaves no timer behind after %s", async (_, path) => {
    const end = new AbortController();
    await using server = serve(({ url }) => {
      if (url.endsWith("/end/")) end.abort();
      if (url.endsWith("/never/")) void clock.advance(5000);
      return url.endsWith("/x/") ? new Response("ok") : new Promise<Response>(() => {});
    });
    const clock = new CountingClock();
    await httpTransport(server.url, { clock })({ ...get, path, signal: end.signal }).catch(() => undefined);
    expect(clock.running).toBe(0);
  });

  test("is a timeout where the answer does not come in time", async () => {
    const asked = Promise.withResolvers<void>();
    await using server = serve(() => {
      asked.resolve();
      return new Promise<Response>(() => {});
    });
    const clock = new ManualClock();
    const error = httpTransport(server.url, { clock })({ ...get, timeoutMs: 2999.7 }).catch(
      (reason: unknown) => reason,
    );
    await asked.promise;
    await clock.advance(3000);
    expect(await error).toMatchObject({
      code: "timeout",
      message: `No answer within 3 s: GET /x/ at ${server.url.slice(0, -1)}`,
    });
  });

  test("ends when it is told to", async () => {
    await using server = serve(() => new Promise<Response>(() => {}));
    const answer = httpTransport(server.url)({ ...get, signal: AbortSignal.abort() });
    await expect(answer).rejects.toThrow("The request was ended");
  });

  test("ends when it is told to, also in the middle of an answer that has begun", async () => {
    const ended = Promise.withResolvers<void>();
    await using server = serve(({ signal }) => {
      signal.addEventListener("abort", () => ended.resolve());
      async function* body() {
        yield "one";
        await new Promise(() => {});
      }
      return new Response(body());
    });
    const end = new AbortController();
    const answer = httpTransport(server.url)({ ...get, signal: end.signal, onText: () => end.abort() });
    await expect(answer).rejects.toThrow("The request was ended");
    await ended.promise;
  });

  test.each(["ftp://host", "127.0.0.1:8000", "", "http://host/?a=1"])("refuses the URL %j and shows it", (url) => {
    expect(() => httpTransport(url)).toThrow(`got ${JSON.stringify(url)}`);
  });

  test.each(["http://me:s3cret@host/?a=1", "http://me:s3cret%zz@host/"])("refuses %s and does not show it", (url) => {
    expect(() => httpTransport(url)).toThrow(/^Cannot use url: ((?!s3cret).)*$/);
  });

  test("sends name and password of the URL as Basic, and not the token", async () => {
    await using server = serve((request) => Response.json({ seen: request.headers.get("authorization") }));
    const url = server.url.replace("://", "://me:s%3Acret@");
    const { text } = await httpTransport(url, { token: "cyme_x" })(get);
    expect(JSON.parse(text)).toEqual({ seen: `Basic ${btoa("me:s:cret")}` });
  });

  test("sends name and password that are given as Basic", async () => {
    await using server = serve((request) => Response.json({ seen: request.headers.get("authorization") }));
    const { text } = await httpTransport(server.url, { name: "ann", password: "s:ü" })(get);
    expect(JSON.parse(text)).toEqual({ seen: `Basic ${Buffer.from("ann:s:ü").toString("base64")}` });
  });

  test.each<[TransportOptions, string]>([
    [{ token: "cyme_x", name: "ann", password: "pw" }, "either a token, or name and password"],
    [{ name: "ann" }, "both name and password"],
    [{ password: "pw" }, "both name and password"],
  ])("refuses %j", (options, message) => expect(() => httpTransport("http://h", options)).toThrow(message));

  test.each<[TransportOptions["tls"], string]>([
    [{ ca: "none" }, "Cannot use tls.ca: wanted a certificate (PEM)"],
    [{ cert: "none" }, "both tls.cert and tls.key, or neither"],
    [{ key: "none" }, "both tls.cert and tls.key, or neither"],
    [{ cert: "none", key: "s3cret" }, "Cannot use tls.cert: wanted a certificate (PEM)"],
  ])("refuses %j, which TLS could not use", async (tls, message) => {
    const asked = httpTransport("https://127.0.0.1:1", { tls })(get);
    await expect(asked).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(message) });
  });

  test.each(["127.0.0.1", "localhost"])("reaches a branch at %s directly, whatever HTTP_PROXY says", async (host) => {
    let asked = 0;
    await using proxy = serve(() => Response.json({ asked: ++asked }));
    await using server = serve(() => new Response("direct"));
    using _ = environment({ HTTP_PROXY: proxy.url, NO_PROXY: undefined });
    const url = server.url.replace("127.0.0.1", host);
    const { text } = await httpTransport(url, { token: "cyme_x" })(get);
    expect({ text, asked }).toEqual({ text: "direct", asked: 0 });
  });

  test("asks no proxy for [::1], also where nobody is there", async () => {
    let asked = 0;
    await using proxy = serve(() => Response.json({ asked: ++asked }));
    using _ = environment({ HTTP_PROXY: proxy.url, NO_PROXY: undefined });
    await expect(httpTransport("http://[::1]:1")(get)).rejects.toMatchObject({ code: "unavailable" });
    expect(asked).toBe(0);
  });

  test("follows nobody to another host, whom the token would be sent", async () => {
    let asked = 0;
    await using other = serve(() => Response.json({ asked: ++asked }));
    await using server = serve(() => Response.redirect(other.url, 307));
    const { status } = await httpTransport(server.url, { token: "cyme_x" })(get);
    expect({ status, asked }).toEqual({ status: 307, asked: 0 });
  });
});
