import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Answer, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { raw } from "./raw.ts";

/* Every route as it is documented: what it takes, in which form, and what it answers. */

let vhost: Vhost;
let branch: Branch;
const port = () => Number(new URL(vhost.url).port);

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 2 } });
  await branch.api("PUT", "/shop/queues/t2/");
  await branch.api("PUT", "/shop/instances/web/", { json: { queues: ["t2"] } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

type Given = Record<string, unknown>;

const get = async (path: string) => (await branch.api<Given>("GET", path)).body;
const put = (path: string, json: Given = {}) => branch.api<Given>("PUT", path, { json });

/** Parameters as text, as a form or a query has them. */
const asText = (given: Given): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );

function multipart(given: Given): FormData {
  const form = new FormData();
  for (const [key, value] of Object.entries(asText(given))) form.append(key, value);
  return form;
}

type Sender = (method: string, path: string, given: Given) => Promise<{ status: number; body: unknown }>;

const senders: [form: string, send: Sender][] = [
  ["JSON", (method, path, given) => branch.api(method, path, { json: given })],
  ["form", (method, path, given) => branch.api(method, path, { form: asText(given) })],
  ["query", (method, path, given) => branch.api(method, path, { query: asText(given) })],
  [
    "multipart",
    async (method, path, given) => {
      const answer = await fetch(`${branch.url}${path}`, { method, body: multipart(given) });
      return { status: answer.status, body: await answer.json() };
    },
  ],
];

describe.each(senders)("parameters as %s", (form, send) => {
  const launch = {
    arguments: "-A proj --purge",
    extra_config: "task_always_eager=1 a.b='c d'",
    command: "/opt/my venv/bin/celery",
    cwd: "/tmp",
    env: { LANG: "C", EMPTY: "" },
    stop_timeout: 2.5,
  };

  test.each(["PUT", "POST"])("of a new app, by %s", async (method) => {
    const path = `/app-${form}-${method}/`;
    const host = { hostname: "127.0.0.9", port: 5673, userid: "u@", password: "p/w", virtual_host: "v" };
    const { status, body } = await send(method, path, { ...launch, ...host });
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({ ...launch, broker: expect.objectContaining(host) }),
    ]);
    expect(await get(path)).toEqual(body as Given);
  });

  test.each(["PUT", "POST"])("of a new instance, by %s", async (method) => {
    const path = `/shop/instances/i-${form}-${method}/`;
    const own = {
      ...launch,
      branch: branch.id,
      pool: "threads",
      queues: ["t2"],
      max_concurrency: 7,
      min_concurrency: 3,
      is_enabled: false,
    };
    const { status, body } = await send(method, path, { ...own, broker: "amqp://u:p%40@127.0.0.9:1/v" });
    const broker = { hostname: "127.0.0.9", port: 1, userid: "u", password: "p@", virtual_host: "v" };
    expect([status, body]).toEqual([201, expect.objectContaining({ ...own, broker: expect.objectContaining(broker) })]);
    expect((await branch.api("DELETE", path)).status).toBe(200);
  });

  test.each(["PUT", "POST"])("of a new queue, by %s", async (method) => {
    const own = {
      exchange: "e",
      exchange_type: "topic",
      routing_key: "a.#",
      options: { durable: false, queue_arguments: { "x-max-priority": 9 } },
    };
    const path = `/shop/queues/q-${form}-${method}/`;
    const { status, body } = await send(method, path, own);
    expect([status, body]).toEqual([201, expect.objectContaining(own)]);
    expect(await get(path)).toEqual(body as Given);
  });

  test("of what is there already change it, and nothing else", async () => {
    const path = `/changed-${form}/`;
    expect((await put(path, { cwd: "/tmp", stop_timeout: 9 })).status).toBe(201);
    expect((await send("POST", path, { cwd: "/" })).status).toBe(200);
    expect(await get(path)).toMatchObject({ cwd: "/", stop_timeout: 9 });
  });
});

describe("a parameter", () => {
  test("in the query wins over the body", async () => {
    const query = { cwd: "/query" };
    const json = await branch.api("PUT", "/wins/", { query, json: { cwd: "/body", command: "c" } });
    expect(json.body).toMatchObject({ cwd: "/query", command: "c" });
    const form = await branch.api("PUT", "/wins/", { query, form: { cwd: "/body", command: "d" } });
    expect(form.body).toMatchObject({ cwd: "/query", command: "d" });
  });

  test("that is empty in a form or a query is not given", async () => {
    await put("/empty/", { cwd: "/tmp", env: { A: "1" }, stop_timeout: 5, broker: "amqp://127.0.0.9//" });
    const before = await get("/empty/");
    const empty = { cwd: "", env: "", stop_timeout: "", broker: "", timeout: "" };
    expect((await branch.api("PUT", "/empty/", { form: empty })).body).toEqual(before);
    expect((await branch.api("PUT", "/empty/", { query: empty })).body).toEqual(before);
  });

  test("that is empty in the query leaves that of the body", async () => {
    const { body } = await branch.api("PUT", "/half-empty/", { query: { cwd: "" }, form: { cwd: "/tmp" } });
    expect(body).toMatchObject({ cwd: "/tmp" });
  });

  test("of an app that is null is back to the default", async () => {
    const given = { broker: "amqp://127.0.0.9//", arguments: "-E", extra_config: "a=1", command: "c", cwd: "/" };
    await put("/reset/", { ...given, env: { A: "1" }, stop_timeout: 5 });
    const nothing = { arguments: null, extra_config: null, command: null, cwd: null, env: null };
    const { status, body } = await put("/reset/", { ...nothing, broker: null, stop_timeout: null });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...nothing, stop_timeout: 60, broker: { port: port(), virtual_host: vhost.vhost } });
  });

  test("of an instance that is null is back to the default", async () => {
    const given = { pool: "threads", queues: ["t2"], max_concurrency: 4, min_concurrency: 2, cwd: "/" };
    await put("/shop/instances/reset/", { ...given, is_enabled: false });
    const nulls = Object.fromEntries(Object.keys(given).map((key) => [key, null]));
    const { body } = await put("/shop/instances/reset/", nulls);
    expect(body).toMatchObject({ pool: "prefork", queues: [], max_concurrency: 1, min_concurrency: 1, cwd: null });
  });

  test("of a queue that is null is back to the default", async () => {
    const path = "/shop/queues/reset/";
    await put(path, { exchange: "e", exchange_type: "topic", routing_key: "k", options: { durable: false } });
    const { body } = await put(path, { exchange: null, exchange_type: null, routing_key: null, options: null });
    expect(body).toMatchObject({ exchange: "reset", exchange_type: "direct", routing_key: "reset", options: null });
  });

  test.each(["1", "true", "yes", "on", "TRUE", 1, true])("for yes is %p", async (value) => {
    const { body } = await branch.api("GET", `/shop/instances/?detail=${value}`);
    expect(body).toContainEqual(expect.objectContaining({ name: "web" }));
  });

  test.each(["0", "false", "no", "off", "Off", 0, false])("for no is %p", async (value) => {
    const path = "/shop/instances/flags/";
    expect((await branch.api("PUT", path, { json: { is_enabled: value } })).body).toMatchObject({ is_enabled: false });
    await branch.api("DELETE", path);
  });

  test.each([
    [
      ["b", "a", "b"],
      ["a", "b"],
    ],
    ["b, a ,b", ["a", "b"]],
    ['["a"]', ["a"]],
    [[], []],
  ])("for queues is %j", async (queues, stored) => {
    for (const name of ["a", "b"]) await put(`/shop/queues/${name}/`);
    const { body } = await put("/shop/instances/lists/", { queues, is_enabled: false });
    expect(body["queues"]).toEqual(stored);
    await branch.api("DELETE", "/shop/instances/lists/");
  });

  test("for the broker without hostname is ignored, and the branch's broker used", async () => {
    const { body } = await put("/no-host/", { port: 1, userid: "u", password: "p", vhost: "v" });
    expect(body["broker"]).toMatchObject({
      hostname: "127.0.0.1",
      port: port(),
      userid: "guest",
      virtual_host: vhost.vhost,
    });
  });

  test("vhost is virtual_host", async () => {
    const { body } = await put("/vhost/", { hostname: "127.0.0.9", vhost: "v" });
    expect(body["broker"]).toMatchObject({
      hostname: "127.0.0.9",
      port: 5672,
      userid: "guest",
      password: "guest",
      virtual_host: "v",
    });
  });

  test.each(["a", "A.b_c-9", "x".repeat(128)])("may be a name as %s", async (name) => {
    expect((await put(`/${name}/`)).status).toBe(201);
    expect((await branch.api("DELETE", `/${name}/`)).body).toEqual({ ok: "ok" });
  });
});

const APP = [
  "name",
  "broker",
  "arguments",
  "extra_config",
  "command",
  "cwd",
  "env",
  "stop_timeout",
  "instances",
  "queues",
];
const BROKER = ["hostname", "port", "userid", "password", "virtual_host"];
const INSTANCE = [
  "name app branch is_enabled queues broker max_concurrency min_concurrency pool arguments extra_config command cwd env",
  "stop_timeout created_at state pid since restarts disabled_reason",
].flatMap((line) => line.split(" "));
const QUEUE = ["name", "exchange", "exchange_type", "routing_key", "options", "created_at"];
const BRANCH = [
  "id url port version loglevel logfile numc sup_interval started_at instances load_average disk_use",
].flatMap((line) => line.split(" "));
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const ok = (answer: Answer) => expect([answer.status, answer.body]).toEqual([200, { ok: "ok" }]);

describe("the answer", () => {
  test("to a ping is pong", async () => {
    expect(await get("/ping/")).toEqual({ ok: "pong" });
  });

  test("on branches is their ids", async () => {
    expect((await branch.api<string[]>("GET", "/branches/")).body).toEqual([branch.id]);
  });

  test("on a branch has the documented fields", async () => {
    const body = await get(`/branches/${branch.id}/`);
    expect(Object.keys(body)).toEqual(expect.arrayContaining(BRANCH));
    expect(body).toMatchObject({
      id: branch.id,
      url: branch.url,
      port: Number(new URL(branch.url).port),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      loglevel: "INFO",
      logfile: null,
      numc: 2,
      sup_interval: 5,
      started_at: expect.stringMatching(TIME),
      instances: expect.any(Number),
      load_average: [expect.any(Number), expect.any(Number), expect.any(Number)],
      disk_use: expect.any(Number),
    });
    expect(JSON.stringify(body)).not.toContain("guest:guest");
  });

  test("on all apps is their names, sorted", async () => {
    await put("/zz/");
    await put("/aa/");
    const { body } = await branch.api<string[]>("GET", "/");
    expect(body).toEqual(expect.arrayContaining(["aa", "shop", "zz"]));
    expect(body).toEqual(body.toSorted());
  });

  test("on an app is 201 when it was made, 200 later, with the documented fields", async () => {
    const made = await put("/made/");
    expect([made.status, (await put("/made/")).status]).toEqual([201, 200]);
    expect(Object.keys(made.body)).toEqual(expect.arrayContaining(APP));
    expect(Object.keys(made.body["broker"] as object)).toEqual(expect.arrayContaining(BROKER));
    expect(made.body).toMatchObject({ name: "made", instances: [], queues: [], stop_timeout: 60, arguments: null });
    expect(await get("/made/")).toEqual(made.body);
    ok(await branch.api("DELETE", "/made/"));
    expect((await branch.api("GET", "/made/")).status).toBe(404);
  });

  test("on an app names what is in it", async () => {
    expect(await get("/shop/")).toMatchObject({
      instances: expect.arrayContaining(["web"]),
      queues: expect.arrayContaining(["t2"]),
    });
  });

  test("on an instance that runs has the documented fields", async () => {
    const body = await get("/shop/instances/web/");
    expect(Object.keys(body)).toEqual(expect.arrayContaining(INSTANCE));
    expect(body).toMatchObject({
      name: "web",
      app: "shop",
      branch: branch.id,
      is_enabled: true,
      queues: ["t2"],
      broker: { port: port() },
      max_concurrency: 1,
      min_concurrency: 1,
      pool: "prefork",
      created_at: expect.stringMatching(TIME),
      state: "running",
      pid: expect.any(Number),
      since: expect.stringMatching(TIME),
      restarts: 0,
      disabled_reason: null,
    });
  });

  test("on an instance that is disabled has the documented fields", async () => {
    const { body } = await put("/shop/instances/asleep/", { is_enabled: false });
    expect(Object.keys(body)).toEqual(expect.arrayContaining(INSTANCE));
    expect(body).toMatchObject({ is_enabled: false, state: "disabled", pid: null, disabled_reason: null });
    ok(await branch.api("DELETE", "/shop/instances/asleep/"));
  });

  test("on an unnamed instance has a UUID as its name", async () => {
    for (const method of ["PUT", "POST"]) {
      const { status, body } = await branch.api<Given>(method, "/shop/instances/", { json: { is_enabled: false } });
      expect([status, body["name"]]).toEqual([
        201,
        expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      ]);
      ok(await branch.api("DELETE", `/shop/instances/${String(body["name"])}/`));
    }
  });

  test("on instances is their names, sorted, or with detail=1 the objects", async () => {
    await put("/pair/");
    for (const name of ["p2", "p1"]) await put(`/pair/instances/${name}/`, { is_enabled: false });
    expect((await branch.api<unknown>("GET", "/pair/instances/")).body).toEqual(["p1", "p2"]);
    const details = (await branch.api<unknown>("GET", "/pair/instances/?detail=1")).body;
    expect(details).toEqual([await get("/pair/instances/p1/"), await get("/pair/instances/p2/")]);
  });

  test("on stats is the worker's own", async () => {
    const { status, body } = await branch.api("GET", "/shop/instances/web/stats/");
    const { pid } = await get("/shop/instances/web/");
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ pid, pool: expect.anything(), broker: expect.anything() }),
    ]);
  });

  test("on autoscale is the bounds, also to a POST without values", async () => {
    const path = "/shop/instances/web/autoscale/";
    const ask = async (method: string, query = {}) => (await branch.api(method, path, { query })).body;
    expect(await ask("GET")).toEqual({ max: 1, min: 1 });
    expect(await ask("POST", { max: "3", min: "0" })).toEqual({ max: 3, min: 0 });
    expect(await ask("POST", { max: "2" })).toEqual({ max: 2, min: 0 });
    expect(await ask("POST")).toEqual({ max: 2, min: 0 });
    expect(await ask("POST", { min: "1" })).toEqual({ max: 2, min: 1 });
    expect((await branch.api("POST", path, { form: { max: "1" } })).body).toEqual({ max: 1, min: 1 });
    expect((await branch.api("POST", path, { json: { max: 10_000 } })).body).toEqual({ max: 10_000, min: 1 });
    expect((await branch.api("POST", path, { json: { max: null } })).body).toEqual({ max: 1, min: 1 });
  });

  test("on history is what was done, newest first", async () => {
    await put("/shop/instances/past/", { pool: "solo" });
    ok(await branch.api("POST", "/shop/instances/past/disable/"));
    const { status, body } = await branch.api<Given[]>("GET", "/shop/instances/past/history/");
    expect(status).toBe(200);
    for (const entry of body) {
      expect(Object.keys(entry)).toEqual(["at", "did", "why", "evidence"]);
      expect(entry["at"]).toMatch(TIME);
    }
    expect(body.map(({ did }) => did)).toEqual(["stopped", "stopping", "started"]);
    ok(await branch.api("DELETE", "/shop/instances/past/"));
  });

  test("on a queue is 201 when it was made, 200 later, with the documented fields", async () => {
    const made = await put("/shop/queues/made/");
    expect([made.status, (await put("/shop/queues/made/")).status]).toEqual([201, 200]);
    expect(Object.keys(made.body)).toEqual(expect.arrayContaining(QUEUE));
    expect(made.body).toMatchObject({ name: "made", exchange: "made", exchange_type: "direct", routing_key: "made" });
    expect(made.body["created_at"]).toMatch(TIME);
    expect(await get("/shop/queues/made/")).toEqual(made.body);
    expect((await put("/shop/queues/made/", { routing_key: "k" })).body).toEqual({ ...made.body, routing_key: "k" });
    ok(await branch.api("DELETE", "/shop/queues/made/"));
    expect((await branch.api("GET", "/shop/queues/made/")).status).toBe(404);
  });

  test("on queues is their names, sorted, or with detail=1 the declarations", async () => {
    await put("/few/");
    for (const name of ["f2", "f1"]) await put(`/few/queues/${name}/`);
    expect((await branch.api<unknown>("GET", "/few/queues/")).body).toEqual(["f1", "f2"]);
    const details = (await branch.api<unknown>("GET", "/few/queues/?detail=1")).body;
    expect(details).toEqual([await get("/few/queues/f1/"), await get("/few/queues/f2/")]);
  });

  test("on consumers is what the worker consumes from, by name, its own queue among them", async () => {
    await put("/shop/queues/t3/", { exchange: "e3", exchange_type: "topic", routing_key: "#" });
    for (const method of ["PUT", "POST"]) {
      const { status, body } = await branch.api(method, "/shop/instances/web/queues/t3/");
      expect([status, body]).toEqual([201, { ok: "ok" }]);
    }
    const consumers = await get("/shop/instances/web/queues/");
    expect(Object.keys(consumers).toSorted()).toEqual(["dq.web", "t2", "t3"]);
    expect(consumers["t3"]).toEqual(await get("/shop/queues/t3/"));
    expect(Object.keys(consumers["dq.web"] as object)).toEqual(expect.arrayContaining(QUEUE));
    expect(await get("/shop/instances/web/queues/t3/")).toEqual(await get("/shop/queues/t3/"));
    ok(await branch.api("DELETE", "/shop/instances/web/queues/t3/"));
    expect((await branch.api("GET", "/shop/instances/web/queues/t3/")).status).toBe(404);
    expect((await get("/shop/instances/web/"))["queues"]).toEqual(["t2"]);
  });

  test("on a consumer of a disabled instance is 201 once it is stored", async () => {
    await put("/shop/instances/later/", { is_enabled: false });
    expect((await branch.api("PUT", "/shop/instances/later/queues/t2/")).status).toBe(201);
    expect((await get("/shop/instances/later/"))["queues"]).toEqual(["t2"]);
    expect(await get("/shop/instances/later/queues/")).toEqual({});
    ok(await branch.api("DELETE", "/shop/instances/later/"));
  });

  test("on deleting a queue comes when no instance of the app consumes from it", async () => {
    await put("/shop/queues/gone/");
    await branch.api("PUT", "/shop/instances/web/queues/gone/");
    ok(await branch.api("DELETE", "/shop/queues/gone/"));
    expect(Object.keys(await get("/shop/instances/web/queues/")).toSorted()).toEqual(["dq.web", "t2"]);
    expect((await get("/shop/instances/web/"))["queues"]).toEqual(["t2"]);
  });

  test("on restart, disable and enable comes once it is so", async () => {
    await put("/shop/instances/turns/", { pool: "solo" });
    const state = () => get("/shop/instances/turns/");
    const { pid } = await state();
    ok(await branch.api("POST", "/shop/instances/turns/restart/"));
    const restarted = await state();
    expect(restarted).toMatchObject({ state: "running", is_enabled: true, restarts: 1 });
    expect(restarted["pid"]).not.toBe(pid);
    ok(await branch.api("POST", "/shop/instances/turns/disable/"));
    expect(await state()).toMatchObject({ state: "disabled", is_enabled: false, pid: null });
    ok(await branch.api("POST", "/shop/instances/turns/enable/"));
    expect(await state()).toMatchObject({ state: "running", is_enabled: true, pid: expect.any(Number) });
    ok(await branch.api("DELETE", "/shop/instances/turns/"));
    expect((await branch.api("GET", "/shop/instances/turns/")).status).toBe(404);
  });

  test("on deleting an app comes when its instances and queues are gone as well", async () => {
    await put("/whole/");
    await put("/whole/queues/wq/");
    await put("/whole/instances/wi/", { pool: "solo", queues: "wq" });
    const { pid } = await get("/whole/instances/wi/");
    ok(await branch.api("DELETE", "/whole/"));
    expect((await branch.workers()).map((worker) => worker.pid)).not.toContain(pid as number);
    expect((await branch.api("GET", "/instances/wi/")).status).toBe(404);
    expect((await put("/whole/")).body).toMatchObject({ instances: [], queues: [] });
  });
});

describe("a call that waits", () => {
  test("is answered with 408 after its timeout, and what it asked for is done all the same", async () => {
    const path = "/shop/instances/slow/";
    const late = await branch.api("PUT", path, { query: { timeout: "0.01" }, json: { pool: "solo" } });
    const words = expect.stringContaining("0.01 s");
    expect([late.status, late.body]).toEqual([
      408,
      expect.objectContaining({ error: "timeout", nok: words, instance: "slow", stored: true }),
    ]);
    ok(await branch.api("POST", `${path}enable/`, { form: { timeout: "30" } }));
    expect(await get(path)).toMatchObject({ state: "running", restarts: 0 });
    ok(await branch.api("DELETE", path));
  });
});

/** Every path that can be read, and the verbs that are possible there. */
const paths = (): [path: string, allow: string][] => [
  ["/ping/", "GET, HEAD, OPTIONS"],
  ["/health/", "GET, HEAD, OPTIONS"],
  ["/branches/", "GET, HEAD, OPTIONS"],
  [`/branches/${branch.id}/`, "GET, HEAD, DELETE, OPTIONS"],
  ["/", "GET, HEAD, OPTIONS"],
  ["/shop/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
  ["/shop/instances/", "GET, HEAD, PUT, POST, OPTIONS"],
  ["/shop/instances/web/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
  ["/shop/instances/web/stats/", "GET, HEAD, OPTIONS"],
  ["/shop/instances/web/autoscale/", "GET, HEAD, POST, OPTIONS"],
  ["/shop/instances/web/log/", "GET, HEAD, OPTIONS"],
  ["/shop/instances/web/history/", "GET, HEAD, OPTIONS"],
  ["/shop/instances/web/queues/", "GET, HEAD, OPTIONS"],
  ["/shop/instances/web/queues/t2/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
  ["/shop/queues/", "GET, HEAD, OPTIONS"],
  ["/shop/queues/t2/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
];

/** Without what differs from one moment to the next. */
const steady = (text: string) =>
  text.replaceAll(/"(load_average|clock|uptime|rusage)":(\[[^\]]*\]|\{[^}]*\}|[^,}]*)/g, "");

describe("every path", () => {
  test("may end in a slash or not", async () => {
    for (const [path] of paths().filter(([one]) => one !== "/")) {
      const [one, other] = await Promise.all(
        [path, path.slice(0, -1)].map((p) => raw(branch.url, { method: "GET", path: p })),
      );
      expect([path, other?.status, steady(other?.text ?? "")]).toEqual([path, 200, steady(one?.text ?? "")]);
    }
  });

  test("answers HEAD as GET, without the body", async () => {
    for (const [path] of paths()) {
      const { status, headers, text } = await raw(branch.url, { method: "HEAD", path });
      const type = path.endsWith("/log/") ? "text/plain" : "application/json";
      expect([path, status, text]).toEqual([path, 200, ""]);
      expect(headers.get("content-type")).toStartWith(type);
    }
    expect(await raw(branch.url, { method: "HEAD", path: "/none/" })).toMatchObject({ status: 404, text: "" });
  });

  test("answers OPTIONS with what is possible", async () => {
    const possible = [
      ...paths(),
      ...["restart", "enable", "disable"].map((verb) => [`/shop/instances/web/${verb}/`, "POST, OPTIONS"] as const),
    ];
    for (const [path, allow] of possible) {
      const { status, headers, text } = await raw(branch.url, { method: "OPTIONS", path });
      expect([path, status, headers.get("allow"), text]).toEqual([path, 204, allow, ""]);
    }
  });
});

describe("other spellings of a path:", () => {
  test("instance for instances", async () => {
    for (const path of ["stats", "autoscale", "history", "queues"]) {
      const { status, body } = await branch.api("GET", `/shop/instance/web/${path}/`);
      expect([path, status]).toEqual([path, 200]);
      if (path !== "stats") expect(body).toEqual(await get(`/shop/instances/web/${path}/`));
    }
    expect(await get("/shop/instance/web/")).toEqual(await get("/shop/instances/web/"));
    const scaled = await branch.api("POST", "/shop/instance/web/autoscale/", { query: { max: "1" } });
    expect(scaled.body).toEqual({ max: 1, min: 1 });
  });

  test("no app before the name of an instance", async () => {
    expect(await get("/instances/web/")).toEqual(await get("/shop/instances/web/"));
    for (const path of ["autoscale", "history", "queues", "queues/t2"]) {
      expect(await get(`/instances/web/${path}/`)).toEqual(await get(`/shop/instances/web/${path}/`));
    }
    expect((await put("/instances/web/", { stop_timeout: 3 })).body).toMatchObject({ app: "shop", stop_timeout: 3 });
    expect((await branch.api("PUT", "/instances/web/queues/t2/")).status).toBe(201);
    await put("/shop/instances/short/", { is_enabled: false });
    ok(await branch.api("DELETE", "/instances/short/"));
  });
});
