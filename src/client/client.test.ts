import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { CymeError, type ErrorCode } from "../domain/errors.ts";
import { Client, type ClientOptions } from "./client.ts";
import * as errors from "./errors.ts";
import { requestLine, testTransport, type TestAnswer } from "./test-transport.ts";
import type { ClientRequest } from "./transport.ts";

const BROKER = { scheme: "amqp", hostname: "h", port: 5672, userid: "me", password: "p/w", virtual_host: "/" };
const APP = { name: "shop", broker: BROKER, arguments: "-A shop", extra_config: null, stop_timeout: 60 };
const WEB = {
  name: "web",
  app: "shop",
  branch: "b1",
  broker: BROKER,
  arguments: null,
  extra_config: "a=1",
  is_enabled: true,
  max_concurrency: 3,
  min_concurrency: 1,
  pool: "prefork",
  queues: ["orders"],
  state: "running",
  pid: 77,
};
const ORDERS = { name: "orders", exchange: "x", exchange_type: "topic", routing_key: "r", options: { durable: true } };
const UUID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";
const BRANCH = { id: "b1", url: "http://m:8000", numc: 2 };

/** A client whose requests are answered by the first path that is theirs. */
function setup(answers: Record<string, unknown> = {}, options: ClientOptions = {}) {
  const requests: ClientRequest[] = [];
  const known: [string, unknown][] = Object.entries({
    ...answers,
    "/shop/instances/web/": WEB,
    "/shop/queues/orders/": ORDERS,
    "/branches/b1/": BRANCH,
    "/shop/": APP,
  });
  const client = new Client(undefined, {
    ...options,
    async transport(request) {
      requests.push(request);
      const [, answer = { ok: "ok" }] = known.find(([path]) => path === request.path) ?? [];
      return { status: 200, headers: new Headers(), text: JSON.stringify(answer) };
    },
  });
  return { client, requests, lines: () => requests.splice(0).map(requestLine) };
}

function answering(answer: TestAnswer, options: ClientOptions = {}) {
  const { transport, requests } = testTransport(answer);
  return { client: new Client(undefined, { transport, ...options }), requests };
}

const CALLS: [call: (client: Client) => Promise<unknown>, line: string][] = [
  [async (c) => c.apps, "GET /"],
  [(c) => c.all(), "GET /"],
  [(c) => c.get("shop"), "GET /shop/"],
  [(c) => c.add("shop"), "POST /shop/ {}"],
  [(c) => c.add("shop", { extraConfig: "a=1", stopTimeout: 5 }), 'POST /shop/ {"extra_config":"a=1","stop_timeout":5}'],
  [(c) => c.add("shop", {}, { nowait: true }), "POST /!/shop/ {}"],
  [(c) => c.delete("shop"), "DELETE /shop/"],
  [(c) => c.app("shop").delete({ nowait: true }), "DELETE /!/shop/"],
  [async (c) => c.branches, "GET /branches/"],
  [(c) => c.branchInfo("b1"), "GET /branches/b1/"],
  [(c) => c.branches.get("b1"), "GET /branches/b1/"],
  [(c) => c.branches.shutdown("b1"), "DELETE /branches/b1/"],
  [(c) => c.branches.forget("b1"), "DELETE /branches/b1/?forget=1"],
  [(c) => c.app("shop").instances.names(), "GET /shop/instances/"],
  [(c) => c.app("shop").instances.get("web"), "GET /shop/instances/web/"],
  [(c) => c.app("shop").instances.add("web"), "POST /shop/instances/web/ {}"],
  [(c) => c.app("shop").instances.add("web", {}, { nowait: true }), "POST /shop/instances/!/web/ {}"],
  [
    (c) => c.app("shop").instances.add("web", { isEnabled: false, queues: ["a", { name: "b" }], maxMemory: "1G" }),
    'POST /shop/instances/web/ {"is_enabled":false,"max_memory":"1G","queues":["a","b"]}',
  ],
  [(c) => c.app("shop").instances.add("web", { queues: null }), 'POST /shop/instances/web/ {"queues":null}'],
  [(c) => c.app("shop").instances.delete("web"), "DELETE /shop/instances/web/"],
  [(c) => c.app("shop").queues.names(), "GET /shop/queues/"],
  [(c) => c.app("shop").queues.get("orders"), "GET /shop/queues/orders/"],
  [
    (c) => c.app("shop").queues.add("orders", { exchangeType: "topic", routingKey: "r" }),
    'POST /shop/queues/orders/ {"exchange_type":"topic","routing_key":"r"}',
  ],
  [(c) => c.app("shop").queues.add("orders", {}, { nowait: true }), "POST /shop/queues/!/orders/ {}"],
  [(c) => c.app("shop").queues.delete("orders"), "DELETE /shop/queues/orders/"],
  [(c) => c.workers.start(), "POST /api/workers/start/"],
  [(c) => c.workers.restart({ rolling: true }), "POST /api/workers/restart/?rolling=1"],
  [(c) => c.workers.shutdown(), "POST /api/workers/shutdown/"],
  [(c) => c.workers.status(), "GET /api/status/"],
  [async (c) => c.users, "GET /api/users/"],
  [(c) => c.users.add("ann", { password: "12345678" }), 'POST /api/users/ann/ {"password":"12345678"}'],
  [(c) => c.users.delete("ann"), "DELETE /api/users/ann/"],
  [async (c) => c.tokens, "GET /api/tokens/"],
  [(c) => c.tokens.add("ci", { role: "operator" }), 'POST /api/tokens/ci/ {"role":"operator"}'],
  [(c) => c.tokens.delete("ci"), "DELETE /api/tokens/ci/"],
  [(c) => c.audit({ limit: 5, before: "t" }), "GET /api/audit/?limit=5&before=t"],
  [(c) => c.audit(), "GET /api/audit/"],
  [(c) => c.events(() => {}), "GET /api/events/"],
  [(c) => c.health(), "GET /health/"],
  [(c) => c.request("POST", "/x/", { params: { a: 1 }, data: { b: 2 } }), 'POST /x/?a=1 {"b":2}'],
];

describe("a client", () => {
  test.each(CALLS)("%s sends %j", async (call, line) => {
    const { client, lines } = setup();
    await call(client).catch(() => undefined); // What the answer is made of does not matter here.
    expect(lines()).toEqual([line]);
  });

  test("asks nothing before something is asked of it", () => {
    const { client, lines } = setup();
    const { instances, queues, tasks } = client.app("shop");
    expect([client.branches, client.apps, client.users, instances, queues, tasks.get(UUID)]).toHaveLength(6);
    expect(lines()).toEqual([]);
  });

  test.each(["..", "a/b", "branches"])("refuses %j as the name of an app, by rejecting", async (name) => {
    const { client, lines } = setup();
    const { instances } = client.app(name);
    const calls = [() => client.get(name), () => client.add(name), () => client.delete(name), () => instances.all()];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: "invalid" });
    }
    expect(lines()).toEqual([]);
  });

  test("is shown with its URL, without user and password", () => {
    expect(String(new Client("http://ann:s3cret@host:8000/"))).toBe("<Client: http://host:8000/>");
  });

  test.each([[Number.NaN], [-1], [86_401]])("refuses %d as a deadline", async (timeoutS) => {
    const { client } = setup({}, { timeoutS });
    await expect(client.all()).rejects.toThrow("Cannot use timeoutS");
  });
});

describe("an app, an instance, a queue", () => {
  test("have what the answer says, and the broker as a URL", async () => {
    const { client } = setup();
    const app = await client.get("shop");
    const web = await app.instances.get("web");
    const orders = await app.queues.get("orders");
    const url = "amqp://me:p%2Fw@h:5672//";
    expect(app).toMatchObject({ name: "shop", broker: url, arguments: "-A shop", extraConfig: null });
    expect(app.info).toMatchObject({ ...APP, broker: url });
    expect(web).toMatchObject({ name: "web", app: "shop", branch: "b1", broker: url, arguments: null });
    expect(web).toMatchObject({ extraConfig: "a=1", isEnabled: true, maxConcurrency: 3, minConcurrency: 1 });
    expect(web).toMatchObject({ pool: "prefork", queueNames: ["orders"], state: "running", pid: 77 });
    expect(orders).toMatchObject({ name: "orders", exchange: "x", exchangeType: "topic", routingKey: "r" });
    expect([orders.options, orders.info]).toEqual([{ durable: true }, ORDERS] as never);
  });

  test("have a broker without a password where nobody tells it", async () => {
    const { client } = setup({ "/instances/web/": { ...WEB, broker: { ...BROKER, password: null } } });
    expect((await client.instance("web")).broker).toBe("amqp://me@h:5672//");
  });

  test("are printed by their names", async () => {
    const { client } = setup();
    const web = await client.app("shop").instances.get("web");
    expect([String(web), inspect(web), Bun.inspect([web])]).toEqual([
      "<Instance: web>",
      "<Instance: web>",
      "[\n  <Instance: web>\n]",
    ]);
  });

  test("are listed whole in one request", async () => {
    const { client, lines } = setup({ "/shop/instances/": [WEB], "/shop/queues/": [ORDERS] });
    const { instances, queues } = client.app("shop");
    expect((await instances).map(String)).toEqual(["<Instance: web>"]);
    expect((await queues).map(String)).toEqual(["<Queue: orders>"]);
    expect(lines()).toEqual(["GET /shop/instances/?detail=1", "GET /shop/queues/?detail=1"]);
  });

  test("are changed where they exist, and have what was answered", async () => {
    const answers: Record<string, unknown> = {};
    const { client, lines } = setup(answers);
    const app = await client.get("shop");
    const web = await app.instances.get("web");
    lines();
    expect(await app.set({ stopTimeout: 5 })).toBe(app);
    expect(await web.set({ maxConcurrency: 4 })).toBe(web);
    expect(await web.set({ pool: null }, { nowait: true })).toEqual({ ok: "ok" });
    expect(lines()).toEqual([
      "GET /shop/",
      'PUT /shop/ {"stop_timeout":5}',
      "GET /shop/instances/web/",
      'PUT /shop/instances/web/ {"max_concurrency":4}',
      "GET /shop/instances/web/",
      'PUT /shop/instances/!/web/ {"pool":null}',
    ]);
  });

  test("are as they were until they are asked again", async () => {
    let state = "starting";
    const transport = async () => ({ status: 200, headers: new Headers(), text: JSON.stringify({ ...WEB, state }) });
    const web = await new Client(undefined, { transport }).instance("web");
    state = "running";
    expect(web.state).toBe("starting");
    expect((await web.refresh()).state).toBe("running");
  });

  test.each<[string, (client: Client) => Promise<unknown>, string]>([
    ["restart", async (c) => (await web(c)).restart({ rolling: true }), "POST /shop/instances/web/restart/?rolling=1"],
    ["restart", async (c) => (await web(c)).restart({ nowait: true }), "POST /shop/instances/!/web/restart/"],
    ["enable", async (c) => (await web(c)).enable(), "POST /shop/instances/web/enable/"],
    ["disable", async (c) => (await web(c)).disable({ timeoutS: 5 }), "POST /shop/instances/web/disable/?timeout=5"],
    ["move", async (c) => (await web(c)).move({ id: "b2" }), "POST /shop/instances/web/move/?branch=b2"],
    ["stats", async (c) => (await web(c)).stats(), "GET /shop/instances/web/stats/"],
    ["autoscale", async (c) => (await web(c)).autoscale(), "GET /shop/instances/web/autoscale/"],
    ["autoscale", async (c) => (await web(c)).autoscale({ max: 4 }), 'POST /shop/instances/web/autoscale/ {"max":4}'],
    ["log", async (c) => (await web(c)).log({ lines: 5 }), "GET /shop/instances/web/log/?lines=5"],
    ["follow", async (c) => (await web(c)).follow(() => {}), "GET /shop/instances/web/log/?follow=1"],
    ["history", async (c) => (await web(c)).history(), "GET /shop/instances/web/history/"],
    ["samples", async (c) => (await web(c)).samples(), "GET /shop/instances/web/samples/"],
    ["delete", async (c) => (await web(c)).delete(), "DELETE /shop/instances/web/"],
    ["consumers", async (c) => (await web(c)).consumers, "GET /shop/instances/web/queues/"],
    ["consumers.add", async (c) => (await web(c)).consumers.add("t2"), "POST /shop/instances/web/queues/t2/"],
    [
      "consumers.delete",
      async (c) => (await web(c)).consumers.delete({ name: "t2" }),
      "DELETE /shop/instances/web/queues/t2/",
    ],
    [
      "a queue's delete",
      async (c) => (await c.app("shop").queues.get("orders")).delete(),
      "DELETE /shop/queues/orders/",
    ],
    ["a branch's shutdown", async (c) => (await c.branches.get("b1")).shutdown(), "DELETE /branches/b1/"],
    ["a branch's refresh", async (c) => (await c.branches.get("b1")).refresh(), "GET /branches/b1/"],
  ])("%s of one that is there sends one request", async (_, call, line) => {
    const { client, lines } = setup();
    await call(client);
    expect(lines().slice(1)).toEqual([line]);
  });

  test("an instance without a name has one that the client made, under which it is put", async () => {
    const { client, lines } = setup();
    const { instances } = client.app("shop");
    const names = [];
    for (const add of [() => instances.add(), () => instances.add(undefined, { pool: "solo" }, { nowait: true })]) {
      await add().catch(() => undefined);
      names.push(...lines());
    }
    expect(names).toEqual([
      expect.stringMatching(/^PUT \/shop\/instances\/[0-9a-f-]{36}\/ \{\}$/),
      expect.stringMatching(/^PUT \/shop\/instances\/!\/[0-9a-f-]{36}\/ \{"pool":"solo"\}$/),
    ]);
  });

  test("what is only scheduled is given as it was answered", async () => {
    const { client } = answering({ status: 202, text: '{"ok":"operation scheduled","name":"web"}' });
    const scheduled = await client.app("shop").instances.add("web", {}, { nowait: true });
    expect(scheduled).toEqual({ ok: "operation scheduled", name: "web" });
  });
});

const web = (client: Client) => client.app("shop").instances.get("web");

describe("tasks", () => {
  test("are sent with parameters added to the URL, and a form as one", async () => {
    const { client, requests } = answering({ text: JSON.stringify({ uuid: UUID, queue: "t2" }) });
    const task = await client.app("shop").tasks.send({ name: "t2" }, "http://m/?a=1#f", {
      method: "POST",
      params: { b: 2, c: "ü&" },
      data: new URLSearchParams({ x: "1 2" }),
    });
    expect([String(task), task.uuid, task.info]).toEqual([
      `<Task: ${UUID}>`,
      UUID,
      { uuid: UUID, queue: "t2" },
    ] as never);
    expect(requests.map(requestLine)).toEqual([
      `POST /shop/queue/t2/${encodeURIComponent("http://m/?a=1&b=2&c=%C3%BC%26#f")} x=1+2`,
    ]);
    expect(requests[0]?.headers?.["Content-Type"]).toBe("application/x-www-form-urlencoded");
  });

  test("are called by name, under the uuid that is given", async () => {
    const { client, requests } = answering({ text: JSON.stringify({ uuid: UUID }) });
    const { tasks } = client.app("shop");
    await tasks.call("t2", "shop.tasks.add", { args: [2, 3], priority: 1, uuid: UUID, timeoutS: 5 });
    expect(requests.map(requestLine)).toEqual(['POST /shop/task/t2/shop.tasks.add/ {"args":[2,3],"priority":1}']);
    expect(requests[0]?.headers?.["X-Cyme-Task"]).toBe(UUID);
  });

  test("that were listed are things too", async () => {
    const { client, requests } = answering({ text: JSON.stringify([{ uuid: UUID, state: "FAILURE" }]) });
    const [task] = await client.app("shop").tasks.all({ state: "FAILURE", limit: 1, timeoutS: 9 });
    expect(task?.info).toEqual({ uuid: UUID, state: "FAILURE" } as never);
    expect(requests.map(requestLine)).toEqual(["GET /api/tasks/?app=shop&state=FAILURE&limit=1"]);
  });

  test.each<["state" | "result" | "wait" | "query", unknown, string]>([
    ["state", "SUCCESS", `GET /shop/query/${UUID}/state/`],
    ["result", { state: "SUCCESS" }, `GET /shop/query/${UUID}/result/`],
    ["query", { state: "SUCCESS" }, `GET /shop/query/${UUID}/`],
    ["wait", { state: "SUCCESS" }, `GET /shop/query/${UUID}/wait/?timeout=3`],
  ])("are asked for their %s", async (name, answer, line) => {
    const { client, requests } = answering({ text: '{"state":"SUCCESS"}' });
    const task = client.app("shop").tasks.get(UUID);
    expect(await task[name](name === "wait" ? { timeoutS: 3 } : {})).toEqual(answer as never);
    expect(requests.map(requestLine)).toEqual([line]);
  });
});

describe("a call's own options", () => {
  test("win over those of the client", async () => {
    const silent: string[][] = [];
    const answer = { text: "[]", headers: { "X-Cyme-Silent": "b2" } };
    const { client, requests } = answering(answer, { timeoutS: 5, onSilent: () => silent.push(["client"]) });
    await client.all();
    await client.all({ timeoutS: 7, onSilent: (branches) => silent.push(branches) });
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([7000, 9000]);
    expect(silent).toEqual([["client"], ["b2"]]);
  });

  test.each(["client", "call"])("the signal of the %s ends it, with its reason", async (whose) => {
    const signals = { client: new AbortController(), call: new AbortController() };
    const client = new Client(undefined, {
      signal: signals.client.signal,
      transport: ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new CymeError("timeout", "ended")))),
    });
    const asked = client.all({ signal: signals.call.signal }).catch((error: unknown) => error);
    signals[whose as keyof typeof signals].abort();
    expect(await asked).toMatchObject({ name: "AbortError" });
  });

  test("a signal that has ended before lets nothing be asked", async () => {
    const { client, requests } = answering({});
    const reason = new Error("too late");
    await expect(client.all({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(requests).toEqual([]);
  });
});

describe("any request", () => {
  test("resolves to JSON, or to the text where the answer is none", async () => {
    const json = { headers: { "Content-Type": "application/json; charset=utf-8" }, text: "[1]" };
    expect(await answering(json).client.request("GET", "/x/")).toEqual([1]);
    const text = { headers: { "Content-Type": "text/plain" }, text: "one" };
    expect(await answering(text).client.request("GET", "/x/")).toBe("one");
  });

  test.each(["x/", ".evil.example/", "", "/x?a=1", "/x#f"])("refuses the path %j", async (path) => {
    const { client, requests } = answering({});
    await expect(client.request("GET", path)).rejects.toThrow("Cannot use path");
    expect(requests).toEqual([]);
  });
});

test("what is not well is an answer to how the branch is", async () => {
  const { client } = answering({ status: 503, text: '{"state":"failed"}' });
  expect(await client.health()).toMatchObject({ state: "failed" });
});

const guards: Record<string, (error: unknown) => boolean> = { ...errors };

describe("errors", () => {
  test.each<[keyof typeof errors, ErrorCode, number]>([
    ["isInvalid", "invalid", 400],
    ["isUnauthorized", "unauthorized", 401],
    ["isForbidden", "forbidden", 403],
    ["isNotFound", "not-found", 404],
    ["isTimeout", "timeout", 408],
    ["isConflict", "conflict", 409],
    ["isTooLarge", "too-large", 413],
    ["isWorkerFailed", "worker-failed", 502],
    ["isUnavailable", "unavailable", 503],
    ["isInternal", "internal", 500],
  ])("%s() knows %s, of status %d, alone", (name, code, status) => {
    const error = new CymeError(code, "no");
    expect(error.status).toBe(status);
    const knowing = Object.entries(guards).filter(([, isOne]) => isOne(error));
    expect(knowing.map(([guard]) => guard)).toEqual([name]);
    expect([new Error("no"), undefined, { code }].some((other) => guards[name]?.(other))).toBe(false);
  });
});
