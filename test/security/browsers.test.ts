import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { routes } from "../../src/http/routes.ts";
import { raw, type RawRequest } from "../api/raw.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { bearer, cookie, logIn, makePeople, passwordOf, type Brought, type People } from "./people.ts";

/* What a browser may be tricked into by pages of others, by names that others made point here, or by what it keeps. */

const FRIEND = "https://friend.example";

let vhost: Vhost;
let branch: Branch;
let people: People;
/** Of an admin who is logged in with the browser that is tricked. */
let session: Brought;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, args: ["--cors-origin", FRIEND, "--allowed-host", "cyme.example"] });
  people = await makePeople(branch);
  session = people.brings("admin", "session");
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const own = () => new URL(branch.url).origin;
const apps = async () => (await branch.api("GET", "/", { headers: session })).body;

const tricks: [what: string, headers: () => Record<string, string>][] = [
  ["a form on a page of another site", () => ({ Origin: "https://evil.example" })],
  ["a page in a frame without an origin", () => ({ Origin: "null" })],
  ["a page at another port of this machine", () => ({ Origin: `http://127.0.0.1:1` })],
  ["a page of this address by TLS's name", () => ({ Origin: own().replace("127.0.0.1", "localhost") })],
  ["a picture on a page of another site", () => ({ "Sec-Fetch-Site": "cross-site" })],
  ["a page of a neighbouring site", () => ({ "Sec-Fetch-Site": "same-site" })],
  ["a name that was made to point here", () => ({ Host: "evil.example" })],
  ["such a name, with an origin that fits", () => ({ Host: "evil.example", Origin: "http://evil.example" })],
  ["a name that ends like a good one", () => ({ Host: "evil-cyme.example" })],
  ["a name that begins like an address", () => ({ Host: "127.0.0.1.evil.example" })],
  ["a user before the name", () => ({ Host: "127.0.0.1@evil.example" })],
  ["an origin that begins like ours", () => ({ Origin: `${own()}.evil.example` })],
  ["an origin that ends like a friend's", () => ({ Origin: "https://not-friend.example" })],
  ["an origin that is a friend's without TLS", () => ({ Origin: "http://friend.example" })],
];

describe.each(tricks)("%s", (_, headers) => {
  test("gets nothing of any route, whatever the browser brings", async () => {
    for (const { methods, pattern } of routes) {
      const path = `${pattern.replaceAll(/:[a-z]+/g, "absent").replace(/\/$/, "")}/`;
      for (const method of [...methods, "OPTIONS", "HEAD"]) {
        const { status, headers: answered } = await raw(branch.url, {
          method,
          path,
          headers: { ...session, ...headers() },
        });
        expect([method, path, status]).toEqual([method, path, 403]);
        expect(answered.get("access-control-allow-origin")).toBeNull();
        expect(answered.get("set-cookie")).toBeNull();
      }
    }
  });

  test("sends no task", async () => {
    const path = "/absent/queue/q/http://127.0.0.1/x";
    for (const method of ["GET", "POST", "HEAD"]) {
      const { status } = await raw(branch.url, { method, path, headers: { ...session, ...headers() } });
      expect([method, status]).toEqual([method, 403]);
    }
  });
});

test("a form of another site changes nothing, in any of the types that forms have", async () => {
  const types = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"];
  const before = await apps();
  for (const type of types) {
    const headers = { ...session, Origin: "https://evil.example", "Content-Type": type };
    const request: RawRequest = { method: "POST", path: "/forged/", headers, body: "cwd=/" };
    expect((await raw(branch.url, request)).status).toBe(403);
  }
  expect(await apps()).toEqual(before);
});

test("a send by a session takes a script of the page, since an old browser says nothing of whose page it is", async () => {
  const path = "/absent/queue/q/http://127.0.0.1/x";
  const ask = async (headers: Brought) => (await raw(branch.url, { method: "GET", path, headers })).status;
  expect(await ask(session)).toBe(403);
  expect(await ask({ ...session, "X-Requested-With": "cyme" })).toBe(404);
});

test("a link of another site leads to the page, and to nothing else", async () => {
  const link = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
  const follow = async (path: string, method = "GET") =>
    (await raw(branch.url, { method, path, headers: { ...session, ...link } })).status;
  expect(await follow("/admin/")).toBe(200);
  for (const path of ["/", "/ping/", "/api/users/", "/admin/../api/users/", "/absent/queue/q/http://m/admin/"]) {
    expect([path, await follow(path)]).toEqual([path, 403]);
  }
  expect(await follow("/admin/", "POST")).toBe(403);
});

describe("the site that --cors-origin names", () => {
  const friend = { Origin: FRIEND, "Sec-Fetch-Site": "cross-site" };

  test("is told by a preflight what it may", async () => {
    const asked = {
      ...friend,
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "authorization",
    };
    const { status, headers } = await raw(branch.url, { method: "OPTIONS", path: "/shop/", headers: asked });
    expect([status, headers.get("access-control-allow-origin")]).toEqual([204, FRIEND]);
    expect(headers.get("access-control-allow-headers")).toContain("authorization");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("vary")?.toLowerCase()).toContain("origin");
  });

  test("may with a token, and never by the cookie of whoever looks at it", async () => {
    const ask = async (brought: Brought) =>
      (await raw(branch.url, { method: "GET", path: "/", headers: { ...friend, ...brought } })).status;
    expect(await ask(people.brings("viewer", "bearer"))).toBe(200);
    expect(await ask(session)).toBe(401);
    expect(await ask({})).toBe(401);
  });
});

test("a name that --allowed-host names is served, at any port and in any case", async () => {
  for (const Host of ["cyme.example", "cyme.example:8443", "CYME.example", "localhost", "[::1]:1"]) {
    expect([Host, (await raw(branch.url, { method: "GET", path: "/ping/", headers: { Host } })).status]).toEqual([
      Host,
      200,
    ]);
  }
});

describe("a session", () => {
  const login = (headers: Brought = {}) =>
    branch.api("POST", "/api/session/", { json: { name: "u-viewer", password: passwordOf("viewer") }, headers });
  const idOf = (headers: Headers) => /^cyme_session_[^=]+=([^;]*)/.exec(headers.get("set-cookie") ?? "")?.[1] ?? "";
  const reads = async (id: string) => (await branch.api("GET", "/", { headers: cookie(branch, id) })).status;

  test("is a cookie that no script reads, that no other site has sent, and that ends", async () => {
    const set = (await login()).headers.get("set-cookie") ?? "";
    const [pair, ...attributes] = set.split("; ");
    expect(pair).toMatch(new RegExp(`^cyme_session_${branch.id}=[A-Za-z0-9_-]{43}$`));
    expect(attributes.toSorted()).toEqual(["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Strict"]);
  });

  test("is never one that somebody else chose beforehand", async () => {
    const planted = "P".repeat(43);
    const { headers } = await login(cookie(branch, planted));
    expect(idOf(headers)).not.toBe(planted);
    expect(await reads(planted)).toBe(401);
    expect(await reads(idOf(headers))).toBe(200);
  });

  test("is a new one at each log-in", async () => {
    const first = idOf((await login()).headers);
    const second = idOf((await login(cookie(branch, first))).headers);
    expect(second).not.toBe(first);
  });

  test("ends by a log-out, also for whoever has copied it", async () => {
    const id = idOf((await login()).headers);
    const { headers, status } = await branch.api("DELETE", "/api/session/", { headers: cookie(branch, id) });
    expect([status, idOf(headers)]).toEqual([200, ""]);
    expect(await reads(id)).toBe(401);
  });

  test("ends when its user is given another password or role, and when it is deleted", async () => {
    const admin = people.brings("admin", "bearer");
    const user = "/api/users/u-short/";
    const start = async (password: string) => {
      const id = await logIn(branch, "u-short", password);
      expect(await reads(id)).toBe(200);
      return id;
    };
    const change = async (method: string, json?: object) => {
      expect([200, 201]).toContain((await branch.api(method, user, { headers: admin, ...(json && { json }) })).status);
    };
    await change("PUT", { password: "first-password" });
    let id = await start("first-password");
    await change("PUT", { password: "second-password" });
    expect(await reads(id)).toBe(401);
    id = await start("second-password");
    await change("PUT", { role: "operator" });
    expect(await reads(id)).toBe(401);
    id = await start("second-password");
    await change("DELETE");
    expect(await reads(id)).toBe(401);
  });
});

test("an answer that goes on ends when what opened it is worth nothing any more", async () => {
  const admin = people.brings("admin", "bearer");
  const { body } = await branch.api<{ token: string }>("POST", "/api/tokens/t-short/", { headers: admin });
  const events = await fetch(`${branch.url}/api/events/`, { headers: bearer(body.token) });
  let isOver = false;
  const reading = events.text().finally(() => (isOver = true));
  expect((await branch.api("GET", "/", { headers: bearer(body.token) })).status).toBe(200);
  expect(isOver).toBe(false);
  await branch.api("DELETE", "/api/tokens/t-short/", { headers: admin });
  await until(() => isOver, { what: "the events to end", timeoutMs: 30_000 });
  expect(await reading).toContain("event: ready");
}, 40_000);

test("every answer tells browsers to take it for nothing but what it is, and to keep none", async () => {
  const wanted = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  };
  const asks: [number, RawRequest][] = [
    [200, { method: "GET", path: "/ping/" }],
    [200, { method: "GET", path: "/", headers: session }],
    [204, { method: "OPTIONS", path: "/", headers: session }],
    [401, { method: "GET", path: "/" }],
    [403, { method: "GET", path: "/", headers: { Host: "evil.example" } }],
    [404, { method: "GET", path: "/absent/", headers: session }],
    [404, { method: "GET", path: "/admin/absent" }],
    [405, { method: "DELETE", path: "/ping/" }],
    [413, { method: "POST", path: "/api/session/", headers: { "Content-Length": "99999999" } }],
  ];
  for (const [status, request] of asks) {
    const answer = await raw(branch.url, request);
    expect([request.path, answer.status]).toEqual([request.path, status]);
    expect([status, Object.fromEntries(answer.headers)]).toEqual([status, expect.objectContaining(wanted)]);
    expect(answer.headers.get("server")).toBeNull();
  }
});

test("no browser asks its user for a password, which it would keep and send along", async () => {
  const challenged = async (headers: Brought) =>
    (await raw(branch.url, { method: "GET", path: "/", headers })).headers.get("www-authenticate");
  expect(await challenged({})).toBe('Bearer realm="cyme"');
  expect(await challenged({ "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none" })).not.toContain("Basic");
});
