import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { celeries, inspect, sendTask } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { PROJECT, asked, consumed, scaled } from "./work.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

// The documents' walk, each test the next step of it.
describe.each(celeries())("Getting Started with Celery $name", (celery) => {
  let vhost: Vhost;
  let branch: Branch;
  let broker: object;
  let worker: string;

  beforeAll(async () => {
    vhost = await freshVhost();
    branch = await startBranch({ broker: vhost.url, celery });
    const port = Number(new URL(vhost.url).port);
    broker = { hostname: "127.0.0.1", port, userid: "guest", password: "guest", virtual_host: vhost.vhost };
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  test("POST /foo/ creates an application with the default broker", async () => {
    const { status, headers, body } = await branch.api("POST", "/foo/");
    expect(status).toBe(201);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(body).toMatchObject({ name: "foo", broker });
  });

  test("POST /bar/ with a form names another broker; without hostname the rest of it is ignored", async () => {
    const form = { hostname: "w1.invalid", userid: "me", password: "me", vhost: "/" };
    const { status, body } = await branch.api("POST", "/bar/", { form });
    expect(status).toBe(201);
    const named = { hostname: "w1.invalid", port: 5672, userid: "me", password: "me", virtual_host: "/" };
    expect(body).toMatchObject({ name: "bar", broker: named });
    const ignored = await branch.api("PUT", "/baz", { query: { userid: "me", password: "me", port: "1" } });
    expect(ignored.status).toBe(201);
    expect(ignored.body).toMatchObject({ name: "baz", broker });
    expect((await branch.api("GET", "/")).body).toEqual(["bar", "baz", "foo"]);
    await branch.api("DELETE", "/bar/");
    await branch.api("DELETE", "/baz/");
  });

  test("PUT /foo/instances/ creates a worker named by a UUID, which is there when the answer comes", async () => {
    const { status, body } = await branch.api<{ name: string }>("PUT", "/foo/instances/");
    expect(status).toBe(201);
    expect(body).toMatchObject({ is_enabled: true, queues: [], broker, max_concurrency: 1, min_concurrency: 1 });
    expect(body.name).toMatch(UUID);
    worker = body.name;
    expect(await inspect(celery, vhost.url, "ping", { destination: [`${worker}@${branch.id}`] })).toEqual({
      [`${worker}@${branch.id}`]: { ok: "pong" },
    });
    expect(await consumed(celery, vhost.url, branch, worker)).toEqual([`dq.${worker}`]);
    expect(await scaled(celery, vhost.url, branch, worker)).toEqual({ max: 1, min: 1 });
  }, 60_000);

  test("GET /foo/instances/ lists it", async () => {
    const { status, body } = await branch.api("GET", "/foo/instances/");
    expect(status).toBe(200);
    expect(body).toEqual([worker]);
    expect((await branch.api("GET", `/foo/instances/${worker}`)).body).toMatchObject({
      name: worker,
      state: "running",
    });
  });

  test("POST /foo/queues/tasks/ with a form declares a queue, GET /foo/queues/ lists it", async () => {
    const form = { exchange: "tasks", routing_key: "tasks" };
    const { status, body } = await branch.api("POST", "/foo/queues/tasks/", { form });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: "tasks", exchange: "tasks", routing_key: "tasks", options: null });
    const all = await branch.api("GET", "/foo/queues/");
    expect(all.status).toBe(200);
    expect(all.body).toEqual(["tasks"]);
  });

  test("a queue's exchange and routing key default to its name, its exchange type to direct", async () => {
    const { status, body } = await branch.api("PUT", "/foo/queues/t2/", { query: { exchange_type: "" } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: "t2", exchange: "t2", exchange_type: "direct", routing_key: "t2" });
    expect((await branch.api("DELETE", "/foo/queues/t2/")).body).toEqual({ ok: "ok" });
  });

  test("PUT …/queues/tasks makes the worker consume from it, with the exchange as declared", async () => {
    const { status, body } = await branch.api("PUT", `/foo/instances/${worker}/queues/tasks`);
    expect(status).toBe(201);
    expect(body).toEqual({ ok: "ok" });
    const queues = await asked<{ name: string }[]>(celery, vhost.url, branch, worker, "active_queues");
    expect(queues?.find(({ name }) => name === "tasks")).toMatchObject({
      routing_key: "tasks",
      exchange: { name: "tasks", type: "direct" },
    });
    const consumers = await branch.api("GET", `/foo/instances/${worker}/queues/`);
    expect(consumers.status).toBe(200);
    expect(Object.keys(consumers.body as object)).toEqual([`dq.${worker}`, "tasks"]);
  }, 30_000);

  test("a queue that nobody declared is 404", async () => {
    const { status, body } = await branch.api("PUT", `/foo/instances/${worker}/queues/unheard/`);
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: "not-found" });
  });

  test("…/instance/<name>/autoscale/ sets and tells the bounds, and the worker keeps to them", async () => {
    const path = `/foo/instance/${worker}/autoscale/`;
    expect((await branch.api("GET", path)).body).toEqual({ max: 1, min: 1 });
    const set = await branch.api("POST", path, { query: { max: "3", min: "2" } });
    expect(set.status).toBe(200);
    expect(set.body).toEqual({ max: 3, min: 2 });
    expect((await branch.api("GET", path)).body).toEqual({ max: 3, min: 2 });
    expect(await scaled(celery, vhost.url, branch, worker)).toEqual({ max: 3, min: 2 });
  }, 30_000);

  test("…/instance/<name>/stats/ is what the worker says to Celery", async () => {
    const { status, body } = await branch.api("GET", `/foo/instance/${worker}/stats/`);
    expect(status).toBe(200);
    const { pid, broker: there } = (await asked<{ pid: number; broker: object }>(
      celery,
      vhost.url,
      branch,
      worker,
      "stats",
    )) ?? { pid: 0, broker: {} };
    expect(body).toMatchObject({ pid, broker: there, autoscaler: { max: 3, min: 2 } });
  }, 30_000);

  test("DELETE …/queues/tasks ends the consuming, DELETE /foo/queues/ is 405, DELETE /foo/queues/tasks/ the queue", async () => {
    const cancelled = await branch.api("DELETE", `/foo/instances/${worker}/queues/tasks`);
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toEqual({ ok: "ok" });
    expect(await consumed(celery, vhost.url, branch, worker)).toEqual([`dq.${worker}`]);
    expect((await branch.api("DELETE", "/foo/queues/")).status).toBe(405);
    const deleted = await branch.api("DELETE", "/foo/queues/tasks/");
    expect(deleted.status).toBe(200);
    expect(deleted.body).toEqual({ ok: "ok" });
    expect((await branch.api("GET", "/foo/queues/")).body).toEqual([]);
  }, 30_000);

  test("DELETE /instances/<name>/ ends the worker before it answers", async () => {
    const { status, body } = await branch.api("DELETE", `/instances/${worker}/`);
    expect(status).toBe(200);
    expect(body).toEqual({ ok: "ok" });
    await branch.expectNoLeftovers();
    expect((await branch.api("GET", "/foo/instances/")).body).toEqual([]);
  }, 60_000);

  test("a named worker of a project does the tasks that are sent to its queues", async () => {
    await branch.api("POST", "/shop/", { form: PROJECT });
    await branch.api("POST", "/shop/queues/orders/");
    const form = { queues: "orders", pool: "threads", max_concurrency: "2" };
    expect((await branch.api("POST", "/shop/instances/till/", { form })).status).toBe(201);
    await using sent = await sendTask(celery, vhost.url, { task: "work.add", queue: "orders", args: [2, 3] });
    expect(await sent.result).toBe(5);
    expect((await branch.api("DELETE", "/shop/")).body).toEqual({ ok: "ok" });
    await branch.expectNoLeftovers();
    expect((await branch.api("GET", "/")).body).toEqual(["foo"]);
  }, 60_000);
});
