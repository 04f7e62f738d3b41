import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { celeries } from "../harness/celery.ts";
import { answer, readRequests, startEcho, startTarget, type Echo, type Seen, type Target } from "../harness/targets.ts";
import { policyOf, startFetcher, type Fetcher } from "./fetcher.ts";

const VERBS = ["HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"];

describe.each(celeries())("a request by the Python of Celery $name", ({ python }) => {
  let fetcher: Fetcher;
  let echo: Echo;
  const opened: Target[] = [];
  beforeAll(async () => {
    fetcher = startFetcher(python);
    echo = await startEcho();
  });
  afterEach(async () => {
    echo.requests.length = 0;
    await Promise.all(opened.splice(0).map((target) => target.stop()));
  });
  afterAll(async () => {
    await echo.stop();
    await fetcher[Symbol.asyncDispose]();
  });

  /** A server whose answer to each request is what `respond` gives, as bytes. */
  async function serving(
    respond: (seen: Seen) => Uint8Array | string,
    host?: string,
  ): Promise<Target & { seen: Seen[] }> {
    const seen: Seen[] = [];
    const target = await startTarget((socket) => {
      readRequests(socket, (request) => {
        seen.push(request);
        socket.end(respond(request));
      });
    }, host);
    opened.push(target);
    return { ...target, seen };
  }

  const header = (seen: Seen | undefined, name: string) =>
    seen?.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value) ?? [];

  test.each(VERBS)("%s arrives as it is, with a body and without", async (method) => {
    const bare = await fetcher.fetch({ url: `${echo.url}/a?b=c`, method });
    await fetcher.fetch({ url: `${echo.url}/a`, method, body: "Grüße", headers: { "Content-Type": "text/x" } });
    expect(bare).toMatchObject({ status_code: 200, url: `${echo.url}/a?b=c`, is_base64: false });
    expect(echo.requests).toMatchObject([
      { method, target: "/a?b=c", body: Buffer.alloc(0) },
      { method, target: "/a", body: Buffer.from("Grüße") },
    ]);
    expect(header(echo.requests[1], "content-type")).toEqual(["text/x"]);
    expect(header(echo.requests[0], "content-length")).toEqual(["POST", "PUT", "PATCH"].includes(method) ? ["0"] : []);
    expect(bare.content === "").toBe(["HEAD", "CONNECT"].includes(method));
  });

  test("has these headers and no others", async () => {
    await fetcher.fetch({ url: `${echo.url}/` });
    expect(echo.requests[0]?.headers).toEqual([
      ["Host", `127.0.0.1:${echo.port}`],
      ["User-Agent", "Celery/cyme v1.2.3"],
      ["Accept", "*/*"],
      ["Accept-Encoding", "identity"],
      ["Connection", "close"],
    ]);
  });

  test.each([
    [["127.0.0.0/8"], ["allowed"]],
    [["127.0.0.1"], ["allowed"]],
    [["*"], []],
    [[], []],
  ])("says to branches whether --webhook-allow %j names their address", async (allow, said) => {
    await fetcher.fetch({ url: `${echo.url}/`, policy: policyOf(allow) });
    expect(header(echo.requests[0], "x-cyme-webhook")).toEqual(said);
  });

  test("takes only the headers of the body from the message", async () => {
    const headers = { "content-type": "a/b", "Content-Encoding": "gzip", Host: "evil", Authorization: "x", "X-A": "1" };
    await fetcher.fetch({ url: echo.url, method: "POST", headers, body: "AP8=", is_base64: true });
    const [seen] = echo.requests;
    expect(seen?.body).toEqual(Buffer.from([0, 255]));
    expect([header(seen, "content-type"), header(seen, "content-encoding"), header(seen, "x-a")]).toEqual([
      ["a/b"],
      ["gzip"],
      [],
    ]);
    expect([header(seen, "host"), header(seen, "authorization")]).toEqual([[`127.0.0.1:${echo.port}`], []]);
  });

  test.each([
    ["", "/"],
    ["/", "/"],
    ["//a//b", "//a//b"],
    ["/a%2Fb%zz", "/a%2Fb%zz"],
    ["/a;b=c,d!$&'()*+:@[x]{}|^`\"<>\\", "/a;b=c,d!$&'()*+:@[x]{}|^`\"<>\\"],
    ["/a?", "/a?"],
    ["?x=1?y=2", "/?x=1?y=2"],
    ["/a/../b/./c/%2e%2e", "/a/../b/./c/%2e%2e"],
    ["/a?b#c?d", "/a?b"],
    ["#c", "/"],
    ["/ü b?ß", "/%C3%BC%20b?%C3%9F"],
  ])("to a URL that ends in %j is for %j", async (end, target) => {
    const { url } = await fetcher.fetch({ url: echo.url + end });
    expect(echo.requests[0]?.target).toBe(target);
    expect(url).toBe(echo.url + target);
  });

  test("sends user information as Basic authorization, decoded, and shows it nowhere", async () => {
    const { url } = await fetcher.fetch({ url: `http://m%40e:s%3A%20%C3%BC@127.0.0.1:${echo.port}/x` });
    const [login = ""] = header(echo.requests[0], "authorization");
    expect(Buffer.from(login.replace("Basic ", ""), "base64").toString()).toBe("m@e:s: ü");
    expect(url).toBe(`${echo.url}/x`);
  });

  test("reaches IPv6 addresses, upper-case schemes and names", async () => {
    await using six = await startEcho("::1");
    await fetcher.fetch({ url: `${six.url}/a` });
    expect(header(six.requests[0], "host")).toEqual([`[::1]:${six.port}`]);
    await fetcher.fetch({ url: `HTTP://localhost:${echo.port}/a` });
    await fetcher.fetch({ url: `http://%6cocalhost:${echo.port}/a` });
    expect(echo.requests.flatMap((seen) => header(seen, "host"))).toEqual(Array(2).fill(`localhost:${echo.port}`));
  });

  test("encodes a name that is not ASCII for DNS", async () => {
    const { type, message } = await fetcher.failure({ url: "http://b%C3%BCcher.invalid/" });
    expect([type, message]).toEqual(["NameNotResolved", expect.stringContaining("xn--bcher-kva.invalid")]);
  });

  test.each([
    ["ftp://a/", "http:// or https://"],
    ["a/b", "http:// or https://"],
    ["http:///a", "no host"],
    ["http://a:99999/", "port"],
    ["http://a:b/", "port"],
    ["http://[::g]/", "host"],
    ["http://[1:2]/", "IPv6"],
    ["http://a b/", "host"],
    ["http://a/\r\nX: 1", "control"],
    ["http://a/\u0000", "control"],
  ])("is refused for the URL %j", async (url, reason) => {
    const failure = await fetcher.failure({ url });
    expect(failure).toMatchObject({
      type: "InvalidRequest",
      module: "cyme_webhook",
      message: expect.stringContaining(reason),
    });
  });

  test.each([
    [{ method: "BREW" }, "verbs"],
    [{ headers: { "Content-Type": "a\r\nX: 1" } }, "control"],
    [{ body: "%%%", is_base64: true }, "base64"],
  ])("is refused with %j", async (parts, reason) => {
    const { type, message } = await fetcher.failure({ url: echo.url, ...parts });
    expect([type, message]).toEqual(["InvalidRequest", expect.stringContaining(reason)]);
    expect(echo.requests).toEqual([]);
  });

  describe("and its answer", () => {
    test.each([201, 304, 400, 404, 500, 599])("of status %d is a result", async (status) => {
      const target = await serving(() => answer({ status: `${status} Whatever`, body: status === 304 ? "" : "x" }));
      expect(await fetcher.fetch({ url: target.url })).toMatchObject({ status_code: status });
    });

    test("has the headers as they are spelled, repeated ones joined", async () => {
      const headers = ["x-A: 1", "X-a:  2 ", "Set-Cookie: a=1, b", "set-cookie: c=2", "X-Fold: a", "  b"];
      const target = await serving(() => answer({ type: "text/plain", headers, body: "x" }));
      const { headers: got } = await fetcher.fetch({ url: target.url });
      expect(got).toEqual({
        "Content-Type": "text/plain",
        "Content-Length": "1",
        "x-A": "1, 2",
        "Set-Cookie": "a=1, b\nc=2",
        "X-Fold": "a b",
      });
    });

    test.each<[string, string | undefined, number[], string, boolean]>([
      ["UTF-8 of its charset", "text/plain; charset=utf-8", [0xc3, 0xbc], "ü", false],
      ["Latin-1 of its charset", 'text/html; charset="ISO-8859-1"', [0xfc], "ü", false],
      ["any charset that Python has", "a/b; charset=shift_jis", [0x83, 0x65], "テ", false],
      ["UTF-8 without a charset", "text/plain", [0xc3, 0xbc], "ü", false],
      ["JSON", "application/json", [0x7b, 0x7d], "{}", false],
      ["a dialect of JSON", "application/problem+json", [0x7b, 0x7d], "{}", false],
      ["no type at all", undefined, [0x61], "a", false],
      ["no type and no text", undefined, [0xff], "/w==", true],
      ["a charset that lies", "text/plain; charset=utf-8", [0xff], "/w==", true],
      ["an unknown charset", "text/plain; charset=klingon", [0x61], "YQ==", true],
      ["a charset that is a codec for something else", "text/plain; charset=rot13", [0x61], "YQ==", true],
      ["base64 as a charset", "text/plain; charset=base64", [0x61], "YQ==", true],
      ["zlib as a charset", "text/plain; charset=zlib", [0x61], "YQ==", true],
      ["unicode_escape as a charset", "text/plain; charset=unicode_escape", [0x61], "YQ==", true],
      ["punycode as a charset", "text/plain; charset=punycode", [0x61], "YQ==", true],
      ["idna as a charset", "text/plain; charset=idna", [0x61], "YQ==", true],
      ["half characters", "text/plain; charset=utf-7", [0x2b, 0x32, 0x41, 0x41, 0x2d], "KzJBQS0=", true],
      ["an image", "image/png", [0x61], "YQ==", true],
      ["nothing", "image/png", [], "", true],
    ])("with %s", async (_what, type, bytes, content, isBase64) => {
      const target = await serving(() =>
        answer({ ...(type === undefined ? {} : { type }), body: Uint8Array.from(bytes) }),
      );
      expect(await fetcher.fetch({ url: target.url })).toMatchObject({ content, is_base64: isBase64 });
    });

    test("that is compressed though nobody asked for it is base64", async () => {
      const body = Bun.gzipSync("hello");
      const headers = ["Content-Encoding: gzip"];
      const target = await serving(() => answer({ type: "text/plain; charset=latin-1", headers, body }));
      const { content, is_base64 } = await fetcher.fetch({ url: target.url });
      expect([Buffer.from(content, "base64"), is_base64]).toEqual([Buffer.from(body), true]);
    });

    test("of text that grows too much as JSON is base64", async () => {
      const body = Buffer.alloc(3_000_000, 1);
      const target = await serving(() => answer({ type: "text/plain", body }));
      const { content, is_base64 } = await fetcher.fetch({ url: target.url });
      expect([content.length, is_base64]).toEqual([4_000_000, true]);
    });

    test.each<[string, string]>([
      ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n3 \r\ncde\r\n0\r\nX: y\r\n\r\n"],
      ["the end of the connection", "HTTP/1.0 200 OK\r\n\r\nabcde"],
      ["a length", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nabcdefgh"],
      ["a length in a list", "HTTP/1.1 200\r\nContent-Length: 5, 5\r\n\r\nabcdefgh"],
      ["a length twice", "HTTP/1.1 200\r\nContent-Length: 5\r\ncontent-length: 05\r\n\r\nabcdefgh"],
      [
        "chunks, whatever the length",
        "HTTP/1.1 200\r\nContent-Length: x\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      ],
      [
        "answers of status 1xx before it",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabcde",
      ],
    ])("is read by %s", async (_how, bytes) => {
      const target = await serving(() => bytes);
      expect(await fetcher.fetch({ url: target.url })).toMatchObject({ status_code: 200, content: "abcde" });
    });

    test.each(["HTTP/1.1 205 Reset\r\n\r\n", "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"])(
      "%j is complete though the connection stays open",
      async (bytes) => {
        const target = await startTarget((socket) => readRequests(socket, () => socket.write(bytes)));
        opened.push(target);
        expect(await fetcher.fetch({ url: target.url })).toMatchObject({ status_code: 205, content: "" });
      },
    );

    test("to CONNECT ends at the headers, and is not followed", async () => {
      const target = await startTarget((socket) => {
        readRequests(socket, () => socket.write("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\ntunnel"));
      });
      opened.push(target);
      const { status_code, content } = await fetcher.fetch({ url: `${target.url}/a`, method: "CONNECT" });
      expect([status_code, content, target.connections()]).toEqual([302, "", 1]);
    });
  });

  describe("that is redirected", () => {
    const redirect = (status: number, location: string) =>
      answer({ status: `${status} R`, headers: [`Location: ${location}`] });

    test.each<[number, string, string]>([
      [301, "GET", "GET"],
      [301, "POST", "GET"],
      [301, "PUT", "PUT"],
      [302, "POST", "GET"],
      [302, "DELETE", "DELETE"],
      [303, "PUT", "GET"],
      [303, "HEAD", "HEAD"],
      [307, "POST", "POST"],
      [308, "PATCH", "PATCH"],
    ])("with %d turns %s into %s", async (status, method, then) => {
      const target = await serving((seen) => (seen.target === "/a" ? redirect(status, "/b") : answer({ body: "x" })));
      const work = { method, body: "data", headers: { "Content-Type": "text/x" } };
      const { url } = await fetcher.fetch({ url: `${target.url}/a`, ...work });
      const last = target.seen[1];
      expect([url, last?.method, last?.target]).toEqual([`${target.url}/b`, then, "/b"]);
      const isKept = then === method;
      expect([last?.body.toString(), header(last, "content-type")]).toEqual(isKept ? ["data", ["text/x"]] : ["", []]);
    });

    test.each([
      ["/c//d;e?", "/c//d;e?"],
      ["c", "/a/c"],
      ["../c", "/c"],
      ["?x", "/a/b?x"],
      ["/ü ö", "/%C3%BC%20%C3%B6"],
      ["/c#fragment", "/c"],
    ])("to %j goes to %j", async (location, target) => {
      const server = await serving((seen) =>
        seen.target === "/a/b" ? Buffer.from(`HTTP/1.1 302 R\r\nLocation: ${location}\r\n\r\n`) : answer({ body: "x" }),
      );
      const { url } = await fetcher.fetch({ url: `${server.url}/a/b#old` });
      expect([server.seen[1]?.target, url]).toEqual([target, server.url + target]);
    });

    test("without a Location is answered so", async () => {
      const target = await serving(() => answer({ status: "302 Found", body: "x" }));
      expect(await fetcher.fetch({ url: target.url })).toMatchObject({ status_code: 302, content: "x" });
    });

    test("takes its credentials along on the same origin alone", async () => {
      const same = await serving((seen) =>
        seen.target === "/a" ? redirect(307, "/b") : redirect(307, `${echo.url}/c`),
      );
      await fetcher.fetch({ url: same.url.replace("//", "//me:secret@") + "/a" });
      expect(same.seen.map((seen) => header(seen, "authorization").length)).toEqual([1, 1]);
      expect(header(echo.requests[0], "authorization")).toEqual([]);
    });

    test("follows ten times and no more", async () => {
      const target = await serving(({ target: path }) =>
        path === "/10" ? answer({ body: "there" }) : redirect(302, `/${Number(path.slice(1)) + 1}`),
      );
      expect(await fetcher.fetch({ url: `${target.url}/0` })).toMatchObject({ content: "there" });
      const failure = await fetcher.failure({ url: `${target.url}/11` });
      expect([failure.type, target.seen.length]).toEqual(["TooManyRedirects", 22]);
    });

    test.each(["ftp://a/", "file:///etc/passwd", "http://", "javascript:1"])(
      "is not followed to %s",
      async (location) => {
        const target = await serving(() => redirect(302, location));
        expect((await fetcher.failure({ url: target.url })).type).toBe("BadResponse");
      },
    );
  });
});
