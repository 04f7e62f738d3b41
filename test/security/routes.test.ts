import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isAtLeast } from "../../src/domain/access.ts";
import { VERBS } from "../../src/domain/task.ts";
import { nowaitPattern } from "../../src/http/nowait-pattern.ts";
import { routes } from "../../src/http/routes.ts";
import { raw, type RawAnswer } from "../api/raw.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { difference } from "../harness/described.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { cookie, logIn, makePeople, passwordOf, ROLES, WAYS, type Brought, type People } from "./people.ts";

/* Who may do what: every row of the table of routes × every role × everything that can be brought to show it. */

let vhost: Vhost;
let branch: Branch;
let people: People;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  people = await makePeople(branch);
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

/** What each takes is a decision that src/http/roles.test.ts has written down. */
const rows = routes.flatMap(({ methods, pattern, role }) =>
  methods.map((method) => ({ method, pattern, wanted: role })),
);
/** Those that nobody gets past without a role. */
const closed = rows.flatMap(({ wanted, ...row }) => (wanted === "open" ? [] : [{ ...row, wanted }]));

/** Of things that are not there: what may be asked for is answered by 404 and changes nothing. */
const pathOf = (pattern: string) =>
  `${pattern
    .replace(":uuid", "ce88762a-15a0-45b3-94fa-9e0ad3a5a372")
    .replace(":task", "a.b")
    .replaceAll(/:[a-z]+/g, "absent")
    .replace(/\/$/, "")}/`;

/** Without waiting for what never comes, and without following what never ends. */
async function ask(method: string, path: string, brought: Brought): Promise<RawAnswer> {
  if (path.startsWith("/api/events")) return head(method, path, brought);
  const query = path.includes("?") || path.includes("/queue/") ? "" : "?timeout=0.2";
  return raw(branch.url, { method, path: `${path}${query}`, headers: brought });
}

/** The beginning of an answer that does not end by itself. */
async function head(method: string, path: string, headers: Brought): Promise<RawAnswer> {
  const leaving = new AbortController();
  const answer = await fetch(`${branch.url}${path}`, { method, headers, signal: leaving.signal });
  const text = answer.ok ? "" : await answer.text();
  leaving.abort();
  return { status: answer.status, headers: answer.headers, text };
}

const REFUSED = [401, 403];

describe.each(closed)("$method $pattern", ({ method, pattern, wanted }) => {
  const path = pathOf(pattern);

  test("opens to nobody who does not show who it is", async () => {
    for (const [what, brought] of people.wrong) {
      const answer = await ask(method, path, brought);
      expect([what, answer.status]).toEqual([what, 401]);
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
      expect(JSON.parse(answer.text)).toMatchObject({ error: "unauthorized", nok: expect.any(String) });
      expect(answer.text).not.toContain("absent");
      for (const secret of people.secrets) expect(answer.text).not.toContain(secret);
    }
  });

  test("opens under no other spelling either", async () => {
    for (const spelling of spellings(pattern)) {
      const { status } = await ask(method, spelling, {});
      expect([spelling, status]).toEqual([spelling, 401]);
    }
    for (const role of ROLES.filter((one) => !isAtLeast(one, wanted))) {
      for (const spelling of spellings(pattern)) {
        const { status } = await ask(method, spelling, people.brings(role, "bearer"));
        // What is no spelling of it is nothing, or another route that takes as much.
        expect([role, spelling, [400, 403, 404, 405, 501].includes(status)]).toEqual([role, spelling, true]);
      }
    }
  });

  test("tells nobody by HEAD or OPTIONS what it is", async () => {
    for (const verb of ["HEAD", "OPTIONS"]) expect((await ask(verb, path, {})).status).toBe(401);
    expect((await ask("OPTIONS", path, people.brings("viewer", "bearer"))).status).toBe(204);
    if (method !== "GET") return;
    for (const role of ROLES) {
      const [get, headed] = await Promise.all(
        ["GET", "HEAD"].map((verb) => ask(verb, path, people.brings(role, "bearer"))),
      );
      expect([role, headed?.status]).toEqual([role, get?.status]);
    }
  });
});

describe.each(rows)("$method $pattern", ({ method, pattern, wanted }) => {
  const path = pathOf(pattern);

  test.each(ROLES.flatMap((role) => WAYS.map((way) => [role, way] as const)))(
    "does for %s by %s what the role allows",
    async (role, way) => {
      // One that ends here is not to be missed by those that follow.
      const isEnd = method === "DELETE" && pattern === "/api/session" && way === "session";
      const brought = isEnd
        ? cookie(branch, await logIn(branch, `u-${role}`, passwordOf(role)))
        : people.brings(role, way);
      const answer = await ask(method, path, brought);
      const { status, text } = answer;
      if (wanted !== "open" && !isAtLeast(role, wanted)) {
        expect(status).toBe(403);
        expect(JSON.parse(text)).toMatchObject({
          error: "forbidden",
          nok: expect.stringContaining(wanted),
          wanted,
          role,
        });
      } else if (pattern !== "/api/session") {
        expect(REFUSED).not.toContain(status);
        expect(status).toBeLessThan(500);
      }
      const contentType = answer.headers.get("content-type");
      expect(difference({ method, path, status, contentType, text })).toBeUndefined();
    },
  );
});

/** Other ways to write the path of a pattern, by which somebody may hope to come past. */
function spellings(pattern: string): string[] {
  const path = pathOf(pattern);
  const nowait = nowaitPattern(pattern);
  const bare = path.slice(1);
  return [
    path.replace(/(.)\/$/, "$1"),
    ...(nowait === undefined ? [] : [pathOf(nowait)]),
    ...(pattern.startsWith("/:app/instances/:name") ? [path.replace("/absent/instances/", "/instances/")] : []),
    path.replace("/instances/", "/instance/"),
    `/${path}`,
    `/!${path}`,
    `/.${path}`,
    `/ping/..${path}`,
    `/ping/%2e%2e${path}`,
    `/admin/..${path}`,
    `/${bare.replaceAll("/", "%2F")}`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    `${path}?/ping/`,
    `${path}#/ping/`,
    `${path};/ping/`,
    `http://127.0.0.1${path}`,
  ];
}

describe("a send of a URL task", () => {
  const places = ["/absent/queue/q/http://m/x", "/absent/queue/http://m/x", "/absent/queue/!/q/http%3A%2F%2Fm%2Fx"];

  test.each(VERBS.map((verb) => [verb] as const))("by %s takes the role operator", async (verb) => {
    for (const path of places) {
      for (const [what, brought] of people.wrong) {
        expect([path, what, (await ask(verb, path, brought)).status]).toEqual([path, what, 401]);
      }
      for (const way of WAYS) {
        expect((await ask(verb, path, people.brings("viewer", way))).status).toBe(403);
      }
      // A browser could be made to send what a page of a third party links to.
      expect((await ask(verb, path, people.brings("operator", "bearer"))).status).toBe(404);
      expect((await ask(verb, path, people.brings("admin", "basic"))).status).toBe(404);
    }
  });
});

test("a path that leads nowhere tells nobody so who does not show who it is", async () => {
  for (const path of ["/a/b/c/d/e/f/", "/api/", "/api/none/", "/%zz/", "/absent/queue/", "/api/queue/q/http://m/x"]) {
    expect([path, (await ask("GET", path, {})).status]).toEqual([path, 401]);
    expect([400, 404]).toContain((await ask("GET", path, people.brings("viewer", "bearer"))).status);
  }
});

test("no header of a client says who it is or where it comes from", async () => {
  const claims = {
    "x-cyme-scope": "branch",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-user": "u-admin",
    "x-remote-user": "u-admin",
    "x-original-url": "/ping/",
    "x-rewrite-url": "/ping/",
    "x-http-method-override": "GET",
    forwarded: "for=127.0.0.1",
  };
  expect((await ask("GET", "/api/users/", claims)).status).toBe(401);
  expect((await ask("POST", "/api/workers/start/", { ...claims, ...people.brings("viewer", "bearer") })).status).toBe(
    403,
  );
});

test("credentials in the query or the body open nothing", async () => {
  const { authorization = "" } = people.brings("admin", "bearer");
  const token = authorization.replace("Bearer ", "");
  for (const name of ["token", "access_token", "authorization", `cyme_session_${branch.id}`]) {
    expect((await raw(branch.url, { method: "GET", path: `/?${name}=${token}` })).status).toBe(401);
  }
});
