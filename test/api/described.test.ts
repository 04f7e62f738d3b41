import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { difference } from "../harness/described.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";

/* Answers of every kind, held against what GET /openapi.json says of them. */

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

/** Asks, and gives the status where the answer is as described, else how it differs. */
async function ask(method: string, path: string, json?: unknown): Promise<number | string> {
  const answer = await fetch(`${branch.url}${path}`, {
    method,
    ...(json !== undefined && { body: JSON.stringify(json), headers: { "content-type": "application/json" } }),
  });
  const contentType = answer.headers.get("content-type");
  const seen = { method, path, status: answer.status, contentType, text: await answer.text() };
  return difference(seen) ?? seen.status;
}

const UNKNOWN = "ce88762a-15a0-45b3-94fa-9e0ad3a5a372";

describe("as described is", () => {
  test("the description itself", async () => {
    expect(await ask("GET", "/openapi.json")).toBe(200);
    const { body } = await branch.api<{ openapi: string; info: { version: string } }>("GET", "/openapi.json/");
    expect(body).toMatchObject({ openapi: "3.1.0", info: { version: expect.stringMatching(/^\d+\.\d+\.\d+/) } });
  });

  test("what a branch says of itself", async () => {
    for (const path of ["/ping/", "/health/", "/branches/", `/branches/${branch.id}/`, "/", "/api/status/"]) {
      expect([path, await ask("GET", path)]).toEqual([path, 200]);
    }
    expect(await ask("GET", "/branches/none/")).toBe(404);
    expect(await ask("DELETE", `/branches/${branch.id}/?forget=1`)).toBe(409);
  });

  test("an app", async () => {
    const given = { stop_timeout: 1, env: { A: "1" }, arguments: "-E", broker: null };
    expect(await ask("PUT", "/shop/", given)).toBe(201);
    expect(await ask("PUT", "/shop/", { env: null, arguments: null })).toBe(200);
    expect(await ask("POST", "/!/nowait/")).toBe(202);
    expect(await ask("GET", "/shop/")).toBe(200);
    expect(await ask("PUT", "/shop/", { nothing: 1 })).toBe(400);
    expect(await ask("PUT", "/shop/", { broker: "http://x" })).toBe(400);
    expect(await ask("GET", "/none/")).toBe(404);
    expect(await ask("DELETE", "/nowait/")).toBe(200);
  });

  test("a queue", async () => {
    expect(await ask("PUT", "/shop/queues/t2/", { options: { durable: true } })).toBe(201);
    expect(await ask("POST", "/shop/queues/t2/", { routing_key: "t2" })).toBe(200);
    expect(await ask("POST", "/shop/queues/!/t3/")).toBe(202);
    for (const path of ["t2/", "", "?detail=1"]) expect(await ask("GET", `/shop/queues/${path}`)).toBe(200);
    expect(await ask("GET", "/shop/queues/?detail=maybe")).toBe(400);
    expect(await ask("DELETE", "/shop/queues/t3/")).toBe(200);
    expect(await ask("DELETE", "/shop/queues/t3/")).toBe(404);
  });

  test("an instance, and all that can be done to it", async () => {
    const web = "/shop/instances/web/";
    expect(await ask("PUT", web, { pool: "solo", queues: ["t2"], max_memory: "1G", max_age: 3600 })).toBe(201);
    expect(await ask("POST", web)).toBe(409);
    expect(await ask("PUT", web, { stop_timeout: 2, user: null })).toBe(200);
    for (const path of ["", "?detail=1"]) expect(await ask("GET", `/shop/instances/${path}`)).toBe(200);
    for (const path of ["", "stats/", "autoscale/", "history/", "queues/", "queues/t2/", "log/?lines=5"]) {
      expect([path, await ask("GET", `${web}${path}`)]).toEqual([path, 200]);
    }
    expect(await ask("POST", `${web}autoscale/`, { max: 1, min: 1 })).toBe(200);
    expect(await ask("POST", `${web}autoscale/`, { max: 0 })).toBe(400);
    expect(await ask("DELETE", `${web}queues/t2/`)).toBe(200);
    expect(await ask("PUT", `${web}queues/t2/`)).toBe(201);
    expect(await ask("PUT", `${web}queues/none/`)).toBe(404);
    expect(await ask("POST", `${web}restart/?timeout=0`)).toBe(408);
    for (const verb of ["disable", "enable", "restart"]) expect(await ask("POST", `${web}${verb}/`)).toBe(200);
    expect(await ask("POST", `${web}move/?branch=none`)).toBe(404);
    expect(await ask("PUT", "/shop/instances/bad/", { arguments: "-A nothing" })).toBe(502);
    expect(await ask("GET", "/api/status/")).toBe(200);
  }, 90_000);

  test("a task, and what becomes of it", async () => {
    const target = encodeURIComponent("http://127.0.0.1:1/x");
    for (const verb of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
      expect([verb, await ask(verb, `/shop/queue/t2/${target}?a=1`)]).toEqual([verb, 202]);
    }
    expect(await ask("GET", `/shop/queue/!/t2/${target}`)).toBe(202);
    expect(await ask("GET", `/shop/queue/${target}`)).toBe(202);
    expect(await ask("GET", `/shop/queue/none/${target}`)).toBe(404);
    const named = "/shop/task/t2/a.b/";
    expect(await ask("POST", named, { args: [1], kwargs: { a: 1 }, expires: 60, priority: 1 })).toBe(202);
    expect(await ask("POST", named, { headers: { a: 1 }, eta: "2026-01-01T00:00:00Z" })).toBe(202);
    const { body } = await branch.api<{ uuid: string }>("GET", `/shop/queue/t2/${target}`);
    expect(await ask("GET", `/shop/query/${body.uuid}/wait/`)).toBe(200);
    for (const path of ["", "state/", "result/"]) {
      expect([path, await ask("GET", `/shop/query/${body.uuid}/${path}`)]).toEqual([path, 200]);
      expect([path, await ask("GET", `/shop/query/${UNKNOWN}/${path}`)]).toEqual([path, 200]);
    }
    expect(await ask("GET", `/shop/query/${UNKNOWN}/wait/?timeout=0`)).toBe(408);
  });

  test("what is done to all workers, and a deletion", async () => {
    for (const verb of ["shutdown", "start", "restart"]) expect(await ask("POST", `/api/workers/${verb}/`)).toBe(200);
    expect(await ask("DELETE", "/shop/instances/web/")).toBe(200);
    expect(await ask("DELETE", "/shop/")).toBe(200);
    expect(await ask("DELETE", `/branches/${branch.id}/?timeout=-1`)).toBe(400);
  }, 90_000);
});

describe("not as described is", () => {
  const answered = {
    method: "GET",
    path: "/ping/",
    status: 200,
    contentType: "application/json",
    text: '{"ok":"pong"}',
  };

  test.each([
    ["a status", { status: 201 }, "is not to answer 201"],
    ["a missing field", { text: "{}" }, "must have required property 'ok'"],
    ["a field of another type", { text: '{"ok":1}' }, "must be string"],
    ["another content type", { contentType: "text/html" }, 'in "text/html"'],
    ["an error without its code", { status: 400, text: '{"nok":"No"}' }, "must have required property 'error'"],
    ["a field of an object in a list", { path: "/a/instances/i/history/", text: '[{"at":"now"}]' }, "data/0 must have"],
  ])("%s", (_, change, words) => {
    expect(difference(answered)).toBeUndefined();
    expect(difference({ ...answered, ...change })).toContain(words);
  });
});
