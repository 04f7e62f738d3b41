import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { Page } from "./page.ts";

const zipped = (text: string) => Bun.gzipSync(text);
const page = new Page([
  { name: "index.html", gzipped: zipped("<p>the page</p>") },
  { name: "index-abc.js", gzipped: zipped("run()") },
]);

function ask(path: string, init: RequestInit = {}): Response | undefined {
  return page.answer(new Request(`http://127.0.0.1:8000${path}`, init));
}

function asked(path: string, init: RequestInit = {}): Response {
  const response = ask(path, init);
  if (!response) throw new Error(`nothing answers at ${path}`);
  return response;
}

function refused(work: () => unknown): CymeError {
  try {
    work();
  } catch (error) {
    if (error instanceof CymeError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const GZIP = { headers: { "accept-encoding": "br, gzip" } };

describe("Page", () => {
  test("answers nothing outside of /admin", () => {
    expect(["/", "/ping/", "/administrators/", "/shop/admin/"].map((path) => ask(path))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("sends /admin to /admin/", () => {
    const response = asked("/admin");
    expect([response.status, response.headers.get("location")]).toEqual([308, "/admin/"]);
  });

  test("shows the index at /admin/, whatever the query, and has it asked for anew each time", async () => {
    const response = asked("/admin/?x=1", GZIP);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(new TextDecoder().decode(Bun.gunzipSync(await response.arrayBuffer()))).toBe("<p>the page</p>");
  });

  test("lets the other files be kept for ever", () => {
    const { headers } = asked("/admin/index-abc.js", GZIP);
    expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });

  test.each(["", "br", "gzip;q=0", "gzip; q=0.0"])("unpacks for who takes %p alone", async (encoding) => {
    const response = asked("/admin/", { headers: { "accept-encoding": encoding } });
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(await response.text()).toBe("<p>the page</p>");
  });

  test("says how long it is, packed or not", async () => {
    const [packed, plain] = [asked("/admin/", GZIP), asked("/admin/")];
    expect(packed.headers.get("content-length")).toBe(String((await packed.arrayBuffer()).byteLength));
    expect(plain.headers.get("content-length")).toBe(String("<p>the page</p>".length));
  });

  test.each(["gzip", "*", "deflate, gzip;q=0.5"])("packs for who takes %p", (encoding) => {
    const response = asked("/admin/", { headers: { "accept-encoding": encoding } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
  });

  test("says 304 to who has it already", () => {
    const etag = asked("/admin/").headers.get("etag") ?? "";
    expect(asked("/admin/", { headers: { "if-none-match": `"other", W/${etag}` } }).status).toBe(304);
    expect(asked("/admin/", { headers: { "if-none-match": '"other"' } }).status).toBe(200);
  });

  test("lets the page run its own scripts alone, and in no frame", () => {
    const csp = asked("/admin/").headers.get("content-security-policy") ?? "";
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("script-src 'self'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(csp).not.toContain("unsafe");
  });

  test.each(["/admin/index-old.js", "/admin/..%2fbranch.db", "/admin/toString"])("has nothing at %s", (path) => {
    expect(refused(() => ask(path)).code).toBe("not-found");
  });

  test("is only read", () => {
    expect(refused(() => ask("/admin/", { method: "POST" })).code).toBe("method-not-allowed");
    expect(asked("/admin/", { method: "OPTIONS" }).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });

  test("where it was not built in says so", () => {
    const none = new Page([]);
    expect(refused(() => none.answer(new Request("http://127.0.0.1/admin/"))).message).toContain("npm run build");
  });
});
