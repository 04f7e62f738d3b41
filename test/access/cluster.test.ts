import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* Two branches of one cluster: what is said to one of who may what is so on both. */

let vhost: Vhost;
let first: Branch;
let second: Branch;

const PASSWORD = "correct horse";
const ann = { authorization: `Basic ${btoa(`ann:${PASSWORD}`)}` };

beforeAll(async () => {
  vhost = await freshVhost();
  first = await startBranch({ broker: vhost.url });
  second = await startBranch({ broker: vhost.url });
  const areTwo = async () => (await first.api<string[]>("GET", "/branches/")).body.length === 2;
  await until(areTwo, { what: "the branches to meet" });
}, 60_000);

afterAll(async () => {
  await second[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const statusOf = async (branch: Branch, path: string, headers = {}, method = "GET") =>
  (await branch.api(method, path, { headers })).status;

describe("a cluster", () => {
  test("is closed as a whole by its first user, who is known everywhere", async () => {
    expect([await statusOf(first, "/"), await statusOf(second, "/")]).toEqual([200, 200]);
    const json = { password: PASSWORD, role: "admin" };
    expect((await first.api("POST", "/api/users/ann/", { json })).status).toBe(201);
    expect([await statusOf(first, "/"), await statusOf(second, "/")]).toEqual([401, 401]);
    expect([await statusOf(first, "/", ann), await statusOf(second, "/", ann)]).toEqual([200, 200]);
  });

  test("asks who may before anything is sent on to another branch", async () => {
    const { body } = await second.api<{ token: string }>("POST", "/api/tokens/v/", { headers: ann });
    const viewer = { authorization: `Bearer ${body.token}` };
    const operator = await first.api<{ token: string }>("POST", "/api/tokens/o/", {
      headers: ann,
      json: { role: "operator" },
    });
    const asOperator = { authorization: `Bearer ${operator.body.token}` };
    const params = { branch: second.id, is_enabled: false, broker: "amqp://me:hush@127.0.0.1:1//" };
    await first.api("PUT", "/shop/", { headers: ann });
    const added = await first.api("PUT", "/shop/instances/there/", { headers: ann, json: params });
    expect(added.status).toBe(201);
    const there = "/shop/instances/there/";
    expect(await statusOf(first, there, {})).toBe(401);
    expect(await statusOf(first, there, viewer, "DELETE")).toBe(403);
    const seen = await first.api<{ broker: object }>("GET", there, { headers: viewer });
    expect(seen.body).toMatchObject({ branch: second.id, broker: { userid: "me", password: null } });
    const env = await first.api("PUT", there, { headers: asOperator, json: { env: { A: "1" } } });
    expect([env.status, env.body]).toMatchObject([403, { parameter: "env", wanted: "admin", role: "operator" }]);
    expect((await first.api("PUT", there, { headers: asOperator, json: { max_concurrency: 2 } })).status).toBe(200);
  });

  test("tells in one list what was asked of all its branches", async () => {
    await second.api("PUT", "/second/", { headers: ann });
    await first.api("PUT", "/first/", { headers: ann });
    const { body } = await second.api<{ path: string; branch: string }[]>("GET", "/api/audit/?limit=2", {
      headers: ann,
    });
    expect(body.map(({ path, branch }) => `${path} ${branch}`)).toEqual([`/first ${first.id}`, `/second ${second.id}`]);
    const { body: one } = await second.api<{ path: string; at: string }[]>("GET", "/api/audit/?limit=1", {
      headers: ann,
    });
    const before = one[0]?.at ?? "";
    const { body: next } = await second.api<{ path: string }[]>("GET", "/api/audit/", {
      headers: ann,
      query: { limit: "1", before },
    });
    expect(next.map(({ path }) => path)).toEqual(["/second"]);
  });

  test("is not opened by a branch that starts anew while the others are away", async () => {
    await first.stop();
    await second.restart();
    expect(await statusOf(second, "/")).toBe(401);
    await first.restart();
    expect(await statusOf(first, "/")).toBe(401);
  });

  test("is open again without the last one, on loopback", async () => {
    for (const token of ["v", "o"]) expect(await statusOf(first, `/api/tokens/${token}/`, ann, "DELETE")).toBe(200);
    expect(await statusOf(second, "/api/users/ann/", ann, "DELETE")).toBe(200);
    expect([await statusOf(first, "/"), await statusOf(second, "/")]).toEqual([200, 200]);
  });
});
