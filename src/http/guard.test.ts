import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import type { Proof } from "../domain/access.ts";
import { refusal } from "../domain/test-support.ts";
import { corsHeaders, guard, preflight, refuseForged, type GuardOptions } from "./guard.ts";

const options: GuardOptions = { allowedHosts: ["cyme.example"], corsOrigin: "https://ui.example" };
const check = (headers: Record<string, string>, given = options, url = "http://127.0.0.1:8000/shop/") =>
  guard({ headers: new Headers(headers), method: "GET", url }, given);

describe("guard()", () => {
  test.each([
    "127.0.0.1:8000",
    "127.0.0.1",
    "10.1.2.3:80",
    "[::1]:8000",
    "[2001:db8::7]",
    "localhost:8000",
    "LOCALHOST",
    "cyme.example:8000",
    "Cyme.Example",
    hostname(),
    `${hostname()}:8000`,
  ])("serves the Host %s", (host) => expect(() => check({ host })).not.toThrow());

  test.each([
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "xcyme.example",
    "a.cyme.example",
    "127.0.0.1.evil.example",
    "",
    "::1",
  ])("refuses the Host %j, which may have been made to point here", (host) => {
    expect(refusal(() => check({ host })).code).toBe("forbidden");
  });

  test("refuses what a URL task asks, unless it says that its target is named by --webhook-allow", () => {
    const task = { host: "127.0.0.1", "user-agent": "Celery/cyme v0.1.0" };
    expect(refusal(() => check(task)).code).toBe("forbidden");
    expect(refusal(() => check({ ...task, "x-cyme-webhook": "yes" })).message).toContain("--webhook-allow");
    expect(() => check({ ...task, "x-cyme-webhook": "allowed" })).not.toThrow();
    expect(() => check({ ...task, "user-agent": "curl/7.88.1" })).not.toThrow();
  });

  test("refuses a name that was not allowed, saying how to allow it", () => {
    expect(refusal(() => check({ host: "cyme.example" }, { ...options, allowedHosts: [] })).message).toContain(
      "--allowed-host",
    );
  });

  test("serves requests without a Host, which come from no browser", () => expect(() => check({})).not.toThrow());

  const host = "127.0.0.1:8000";

  test.each<[string, Record<string, string>]>([
    ["of curl", { host }],
    ["of a page of its own", { host, origin: "http://127.0.0.1:8000", "sec-fetch-site": "same-origin" }],
    ["of a page of its own by TLS", { host, origin: "https://127.0.0.1:8000" }],
    ["typed by a user", { host, "sec-fetch-site": "none" }],
    ["of the allowed site", { host, origin: "https://ui.example", "sec-fetch-site": "cross-site" }],
  ])("serves a request %s", (_what, headers) => expect(() => check(headers)).not.toThrow());

  test.each<[string, Record<string, string>]>([
    ["of a page of another site", { host, origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["of another site in an old browser", { host, origin: "https://evil.example" }],
    ["of another port", { host, origin: "http://127.0.0.1:9000", "sec-fetch-site": "same-site" }],
    ["of another name of this machine", { host, origin: "http://localhost:8000" }],
    ["of a page without an origin", { host, origin: "null" }],
    ["of a form of another site", { host, "sec-fetch-site": "cross-site" }],
    ["of a neighbour's site", { host, "sec-fetch-site": "same-site" }],
    ["that claims to be of this site", { host, origin: "https://evil.example", "sec-fetch-site": "same-origin" }],
    ["of a site that looks like the allowed one", { host, origin: "https://ui.example.evil.example" }],
    ["of the allowed site without TLS", { host, origin: "http://ui.example" }],
  ])("refuses a request %s", (_what, headers) => expect(refusal(() => check(headers)).code).toBe("forbidden"));

  test("the allowed site does not make a foreign Host right", () => {
    expect(refusal(() => check({ host: "evil.example", origin: "https://ui.example" })).code).toBe("forbidden");
  });
});

describe("a link to the page, as in a mail", () => {
  const link = { host: "127.0.0.1:8000", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  const follow = (path: string, more = {}, method = "GET") =>
    guard({ headers: new Headers({ ...link, "sec-fetch-dest": "document", ...more }), method, url: path }, options);

  test.each(["http://127.0.0.1:8000/admin/", "http://127.0.0.1:8000/admin", "/admin/?x", "https://h/admin/x.js"])(
    "is followed: %s",
    (url) => expect(() => follow(url)).not.toThrow(),
  );

  test.each([
    "http://127.0.0.1:8000/",
    "http://127.0.0.1:8000/shop/queue/http://m/admin/",
    "http://127.0.0.1:8000/administrator/",
    "http://127.0.0.1:8000/?/admin/",
    "/shop/admin/",
  ])("leads nowhere else: %s", (url) => expect(refusal(() => follow(url)).code).toBe("forbidden"));

  test.each([
    [{ "sec-fetch-dest": "iframe" }, "GET"],
    [{ "sec-fetch-mode": "no-cors" }, "GET"],
    [{}, "POST"],
    [{ origin: "https://evil.example" }, "GET"],
  ])("is no frame, image, form or script: %j %s", (headers, method) => {
    expect(refusal(() => follow("http://127.0.0.1:8000/admin/", headers, method)).code).toBe("forbidden");
  });
});

describe("by TLS", () => {
  const host = "127.0.0.1:8000";

  test("a page without it is of another site", () => {
    expect(() => check({ host, origin: `https://${host}` }, options, `https://${host}/`)).not.toThrow();
    expect(refusal(() => check({ host, origin: `http://${host}` }, options, `https://${host}/`)).code).toBe(
      "forbidden",
    );
  });
});

describe("preflight()", () => {
  const asked = (headers: Record<string, string>, method = "OPTIONS") =>
    preflight(new Request("http://127.0.0.1:8000/shop/queue/http://m/", { method, headers }), options)?.status;
  const site = { origin: "https://ui.example", "access-control-request-method": "POST" };

  test("is answered to the allowed site, also where any method would send a task", () => expect(asked(site)).toBe(204));

  test.each([
    [{ ...site, origin: "https://evil.example" }, "OPTIONS"],
    [{ origin: site.origin }, "OPTIONS"],
    [site, "POST"],
  ])("is nothing else: %j %s", (headers, method) => expect(asked(headers, method)).toBeUndefined());
});

describe("refuseForged()", () => {
  const from = (by: Proof, headers: Record<string, string>, given: Partial<GuardOptions> = {}) =>
    refuseForged(new Headers(headers), by, { ...options, ...given });
  const CURL = { "user-agent": "curl/8.5.0", accept: "*/*" };
  const FORGED: Record<string, string>[] = [
    { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" },
    { ...CURL, referer: "http://evil.example/" },
    { ...CURL, "sec-fetch-site": "cross-site" },
    { ...CURL, "sec-gpc": "1" },
    { "user-agent": "Mozilla/5.0", origin: "https://other.example", "x-requested-with": "XMLHttpRequest" },
  ];

  test.each(["session", "password", "open"] as const)("wants a send by %s to come from the page", (by) => {
    expect(() => from(by, { ...FORGED[0], "x-requested-with": "cyme" })).not.toThrow();
    expect(() => from(by, { ...FORGED[0], "sec-fetch-site": "same-origin" })).not.toThrow();
    for (const headers of FORGED) expect(refusal(() => from(by, headers)).code).toBe("forbidden");
  });

  test.each(["password", "open"] as const)("lets programs send by %s, and who goes there by himself", (by) => {
    for (const headers of [CURL, {}, { ...FORGED[0], "sec-fetch-site": "none" }]) {
      expect(() => from(by, headers)).not.toThrow();
      expect(refusal(() => from("session", headers)).code).toBe("forbidden");
    }
    const ofSite = { ...FORGED[0], origin: "https://ui.example" };
    expect(() => from(by, ofSite)).not.toThrow();
    expect(refusal(() => from(by, ofSite, { corsOrigin: undefined })).code).toBe("forbidden");
  });

  test.each(["token", "socket", "branch"] as const)("lets all be sent by %s, which no browser adds by itself", (by) => {
    for (const headers of FORGED) expect(() => from(by, headers)).not.toThrow();
  });
});

describe("corsHeaders()", () => {
  test("let pages of the allowed site read answers, and no others", () => {
    expect(corsHeaders(new Headers({ origin: "https://ui.example" }), options)).toMatchObject({
      "access-control-allow-origin": "https://ui.example",
      vary: "origin",
    });
    expect(corsHeaders(new Headers({ origin: "https://evil.example" }), options)).toEqual({});
    expect(corsHeaders(new Headers(), options)).toEqual({});
    expect(corsHeaders(new Headers({ origin: "https://ui.example" }), { ...options, corsOrigin: undefined })).toEqual(
      {},
    );
  });
});
