import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isAtLeast, type Role } from "../../src/domain/access.ts";
import { routes } from "../../src/http/routes.ts";
import { raw } from "../api/raw.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { makePeople, ROLES, type Brought, type People } from "./people.ts";

/* Who may what on a branch that nobody was made known to by hand, and what one branch does of another's at whose request. */

let vhost: Vhost;
let near: Branch;
let far: Branch;
let people: People;

beforeAll(async () => {
  vhost = await freshVhost();
  [near, far] = await Promise.all([startBranch({ broker: vhost.url }), startBranch({ broker: vhost.url })]);
  const isTogether = async () => (await near.api<string[]>("GET", "/branches/")).body.length === 2;
  await until(isTogether, { what: "the branches to see each other", timeoutMs: 20_000 });
  people = await makePeople(near);
  const headers = people.brings("admin", "bearer");
  for (const path of ["/shop/", "/shop/queues/t2/", `/shop/instances/away/?branch=${far.id}&is_enabled=0`]) {
    expect([path, (await near.api("PUT", path, { headers })).status]).toEqual([path, 201]);
  }
}, 90_000);

afterAll(async () => {
  await Promise.all([near, far].map((branch) => branch[Symbol.asyncDispose]()));
  await vhost.drop();
}, 60_000);

const ask = async (branch: Branch, method: string, path: string, headers: Brought) =>
  (await raw(branch.url, { method, path: `${path}?timeout=0.2`, headers })).status;

const rows = routes
  .filter(({ role, pattern }) => role !== "open" && pattern !== "/api/events")
  .flatMap(({ methods, pattern, role }) => methods.map((method) => ({ method, pattern, role: role as Role })));

describe("a branch that has heard of users and tokens from another", () => {
  test("opens none of its routes to who shows nothing, or what opened the other once", async () => {
    for (const { method, pattern } of rows) {
      const path = `${pattern.replaceAll(/:[a-z]+/g, "absent").replace(/\/$/, "")}/`;
      for (const [what, brought] of people.wrong) {
        expect([method, path, what, await ask(far, method, path, brought)]).toEqual([method, path, what, 401]);
      }
    }
  }, 60_000);

  test("knows them by password and token, and no session that began elsewhere", async () => {
    for (const role of ROLES) {
      for (const way of ["bearer", "basic"] as const) {
        expect([role, way, await ask(far, "GET", "/shop/", people.brings(role, way))]).toEqual([role, way, 200]);
      }
      expect(await ask(far, "GET", "/shop/", people.brings(role, "session"))).toBe(401);
    }
  });

  test("asks as much of everybody as the other does", async () => {
    for (const { method, pattern, role } of rows) {
      const path = `${pattern.replaceAll(/:[a-z]+/g, "absent").replace(/\/$/, "")}/`;
      for (const had of ROLES.filter((one) => !isAtLeast(one, role))) {
        const status = await ask(far, method, path, people.brings(had, "bearer"));
        expect([method, path, had, status]).toEqual([method, path, had, 403]);
      }
    }
  });
});

describe("what is another branch's", () => {
  const changes = rows.filter(({ method, pattern }) => method !== "GET" && /:name|:branch/.test(pattern));
  const pathOf = (pattern: string) =>
    `${pattern.replace(":app", "shop").replace(":name", "away").replace(":queue", "t2").replace(":branch", far.id)}/`;
  const state = async () => {
    const headers = people.brings("admin", "bearer");
    const { body } = await far.api("GET", "/shop/instances/away/", { headers });
    return { body, isUp: (await near.api<string[]>("GET", "/branches/", { headers })).body.includes(far.id) };
  };

  test.each(changes)("is not touched for who may not: $method $pattern", async ({ method, pattern, role }) => {
    const before = await state();
    const path = pathOf(pattern);
    const nowait = path.replace("/instances/", "/instances/!/").replace("/branches/", "/branches/!/");
    for (const spelling of [path, nowait, path.replace("/shop/instances/", "/instances/")]) {
      expect(await ask(near, method, spelling, {})).toBe(401);
      for (const had of ROLES.filter((one) => !isAtLeast(one, role))) {
        expect([had, spelling, await ask(near, method, spelling, people.brings(had, "bearer"))]).toEqual([
          had,
          spelling,
          403,
        ]);
      }
    }
    expect(await state()).toEqual(before);
  });

  test("is done for who may, and written down with who that was", async () => {
    const headers = people.brings("operator", "basic");
    const { status } = await near.api("PUT", "/shop/instances/away/", { json: { stop_timeout: 7 }, headers });
    expect(status).toBe(200);
    const audit = await far.api("GET", "/api/audit/", { headers: people.brings("admin", "bearer") });
    expect(audit.body).toContainEqual(
      expect.objectContaining({
        who: "u-operator",
        role: "operator",
        by: "password",
        path: "/shop/instances/away",
        status: 200,
      }),
    );
  });
});

test("a user who is deleted on one branch is nobody on the other", async () => {
  const headers = people.brings("admin", "bearer");
  const viewer = people.brings("viewer", "basic");
  expect(await ask(far, "GET", "/", viewer)).toBe(200);
  expect((await near.api("DELETE", "/api/users/u-viewer/", { headers })).status).toBe(200);
  expect(await ask(near, "GET", "/", viewer)).toBe(401);
  expect(await ask(far, "GET", "/", viewer)).toBe(401);
});
