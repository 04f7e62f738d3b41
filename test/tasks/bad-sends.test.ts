import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { raw, type RawAnswer } from "../api/raw.ts";
import type { Branch } from "../harness/branch.ts";
import { freshVhost, startRabbit, type Rabbit, type Vhost } from "../harness/rabbit.ts";
import { startEcho, startTarget, type Echo } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { must } from "../lifecycle/work.ts";
import { UUID, ask, forEach, outcome, query, send, startShop } from "./work.ts";

/** Longer than the branch waits for the broker. */
const PATIENT_MS = 20_000;
const MAX_BODY = 4096;
const FULL = { "x-max-length": 1, "x-overflow": "reject-publish" };

let rabbit: Rabbit;
let vhost: Vhost;
let branch: Branch;
let echo: Echo;

const bodyOf = ({ text }: RawAnswer) => JSON.parse(text) as Record<string, unknown>;
const asked = (path: string) => echo.requests.filter(({ target }) => target === path);
const newPath = (name: string) => `/${name}-${crypto.randomUUID()}`;

beforeAll(async () => {
  [rabbit, vhost, echo] = await Promise.all([startRabbit(), freshVhost(), startEcho()]);
  branch = await startShop({ broker: rabbit.url, args: ["--max-body", String(MAX_BODY)] });
  // On a broker that stays, since its answer takes the branch's whole time: it comes while the other tests run.
  await must(branch, 201, "POST", "/crowd/", { broker: vhost.url });
  await must(branch, 201, "POST", "/crowd/queues/full/", { options: { queue_arguments: FULL } });
  await must(branch, 201, "POST", "/shop/queues/narrow/", { options: { queue_arguments: FULL } });
}, 100_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await Promise.all([echo.stop(), vhost.drop(), rabbit[Symbol.asyncDispose]()]);
}, 60_000);

describe("a send is refused", () => {
  const NO_URL = { status: 400, facts: { error: "invalid", parameter: "url" } };
  const NO_PATH = { status: 400, facts: { error: "invalid", parameter: "the path" } };
  const NO_APP = { status: 404, facts: { error: "not-found", app: "none" } };
  const REFUSALS: [about: string, path: string, refusal: { status: number; facts: object }][] = [
    ["for a queue that is not declared", "/shop/queue/none/http://m/", { status: 404, facts: { queue: "none" } }],
    ["for an app that is not there", "/none/queue/t2/http://m/", NO_APP],
    ["for an app that is not there, without a queue", "/none/queue/http://m/", NO_APP],
    ["for a word that is no app", "/branches/queue/t2/http://m/", { status: 404, facts: { error: "not-found" } }],
    ["without a URL", "/shop/queue/t2/", NO_URL],
    ["without a URL and slash", "/shop/queue/t2", NO_PATH],
    ["without anything", "/shop/queue/", NO_PATH],
    ["without a host", "/shop/queue/t2/http://", NO_URL],
    ["with a port alone", "/shop/queue/t2/http://:80/", NO_URL],
    ["with a user alone", "/shop/queue/t2/http://Ann:s3cret@/", NO_URL],
    ["with a port that is none", "/shop/queue/t2/http://m:99999/", NO_URL],
    ["with half an IPv6 address", "/shop/queue/t2/http://[::1/", NO_URL],
    ["with a host that is no name", "/shop/queue/t2/http://a%20b/", NO_URL],
    ["with ftp", "/shop/queue/t2/ftp://m/x", NO_URL],
    ["with a file", "/shop/queue/t2/file:///etc/passwd", NO_URL],
    ["with one slash", "/shop/queue/t2/http:/m/x", NO_URL],
    ["with a scheme that is missing", "/shop/queue/t2/m/x", NO_URL],
    ["with encoded control characters", "/shop/queue/t2/http%3A%2F%2Fm%2F%0D%0AX-Bad:%201", NO_URL],
    ["with wrong percent signs in an encoded URL", "/shop/queue/t2/http%3A%2F%2Fm%2F%zz", NO_PATH],
    ["with wrong percent signs in a queue", "/shop/queue/%zz/http://m/", NO_PATH],
  ];

  test.each(REFUSALS)("%s", async (_, path, { status, facts }) => {
    for (const method of ["GET", "POST", "TRACE", "CONNECT"]) {
      const answer = await raw(branch.url, { method, path });
      expect([method, answer.status]).toEqual([method, status]);
      expect(bodyOf(answer)).toMatchObject({ nok: expect.any(String), ...facts });
      expect(answer.headers.get("x-cyme-task")).toBeNull();
    }
    const head = await raw(branch.url, { method: "HEAD", path });
    expect([head.status, head.text]).toEqual([status, ""]);
  });

  test("without showing the password of a URL, neither to the caller nor in the log", async () => {
    const answer = await ask(branch, "http://Ann:s3cret@m:99999/");
    expect(answer.status).toBe(400);
    expect(answer.text + (await branch.log())).not.toContain("s3cret");
  });

  test.each(["\u0001", " ", "\t"])("with the control character %j, by whoever sees it first", async (character) => {
    const path = newPath("control");
    const { status } = await ask(branch, `${echo.url}${path}${character}x`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(echo.requests.filter(({ target }) => target.startsWith(path))).toEqual([]);
  });

  test("with a verb that is none of the nine", async () => {
    const answer = await ask(branch, `${echo.url}/`, { method: "PROPFIND" });
    expect(answer.status).toBe(405);
    expect(bodyOf(answer)).toMatchObject({ error: "method-not-allowed", nok: expect.stringContaining("CONNECT") });
  });

  test("with a body that is too large, by its length and in pieces", async () => {
    const path = newPath("large");
    const large = "x".repeat(MAX_BODY + 1);
    for (const body of [large, [large.slice(0, 3000), large.slice(3000)]]) {
      const answer = await ask(branch, echo.url + path, { method: "POST", body });
      expect(answer.status).toBe(413);
      expect(bodyOf(answer)).toMatchObject({ error: "too-large", max_body: MAX_BODY });
    }
    await outcome(branch, await send(branch, echo.url + path, { method: "POST", body: large.slice(1) }));
    expect(asked(path).map(({ body }) => body.length)).toEqual([MAX_BODY]);
  });

  test.each(["x", "", "11111111-2222-4333-8444-55555555555", "11111111222243338444555555555555"])(
    "with %j as X-Cyme-Task",
    async (id) => {
      const answer = await ask(branch, `${echo.url}/`, { headers: { "X-Cyme-Task": id } });
      expect(answer.status).toBe(400);
      expect(bodyOf(answer)).toMatchObject({ error: "invalid", parameter: "X-Cyme-Task" });
    },
  );

  test("where nothing leads from the exchange to the queue, and other queues go on", async () => {
    const astray = { exchange_type: "topic", routing_key: "a", options: { binding_key: "b.*" } };
    await must(branch, 201, "POST", "/shop/queues/astray/", astray);
    const answers = await forEach([1, 2, 3], 3, () => ask(branch, `${echo.url}/`, { place: "/shop/queue/astray/" }));
    for (const answer of answers) {
      expect(answer.status).toBe(409);
      expect(bodyOf(answer)).toMatchObject({
        error: "conflict",
        queue: "astray",
        uuid: expect.stringMatching(UUID),
        broker_says: "NO_ROUTE",
      });
    }
    await outcome(branch, await send(branch, `${echo.url}/`));
  });

  test("where the broker has the queue in another way, in its words", async () => {
    await must(branch, 201, "POST", "/shop/queues/differs/", { options: { queue_arguments: { "x-max-length": 5 } } });
    await send(branch, `${echo.url}/`, { place: "/shop/queue/differs/" });
    await must(branch, 200, "DELETE", "/shop/queues/differs/");
    await must(branch, 201, "POST", "/shop/queues/differs/", { options: { queue_arguments: { "x-max-length": 6 } } });
    const answer = await ask(branch, `${echo.url}/`, { place: "/shop/queue/differs/" });
    expect(answer.status).toBe(409);
    expect(bodyOf(answer)).toMatchObject({ error: "conflict", broker_says: expect.stringContaining("x-max-length") });
  });

  test.each([
    ["a foreign Origin", { Origin: "https://evil.example" }],
    ["a foreign Host", { Host: "evil.example" }],
    ["a page of another site", { "Sec-Fetch-Site": "cross-site" }],
  ])("for %s", async (_, headers) => {
    const path = newPath("foreign");
    for (const method of ["GET", "POST", "HEAD", "OPTIONS", "CONNECT"]) {
      const answer = await ask(branch, echo.url + path, { method, headers });
      expect([method, answer.status]).toEqual([method, 403]);
    }
    await outcome(branch, await send(branch, `${echo.url}/`));
    expect(asked(path)).toEqual([]);
  });
});

test("what waits for room in a queue is accepted once there is some", async () => {
  const place = "/shop/queue/narrow/";
  const first = await send(branch, `${echo.url}/narrow/1`, { place });
  const second = send(branch, `${echo.url}/narrow/2`, { place });
  await must(branch, 201, "PUT", "/shop/instances/web/queues/narrow/");
  await Promise.all([outcome(branch, first), second.then((uuid) => outcome(branch, uuid))]);
  expect([asked("/narrow/1").length, asked("/narrow/2").length]).toEqual([1, 1]);
}, 30_000);

describe("a send under an id of the caller's", () => {
  const under = (id: string, path: string, options = {}) =>
    ask(branch, echo.url + path, { headers: { "X-Cyme-Task": id }, ...options });

  test("that is repeated at once, later, in capitals, and after a restart of the branch is one task", async () => {
    const path = newPath("once");
    const id = crypto.randomUUID();
    const atOnce = await Promise.all(Array.from({ length: 20 }, () => under(id, path)));
    await outcome(branch, id);
    const later = [await under(id, path), await under(id.toUpperCase(), path)];
    await branch.restart();
    later.push(await under(id, path));
    for (const answer of [...atOnce, ...later]) {
      expect(answer.status).toBe(202);
      expect(bodyOf(answer)).toMatchObject({ uuid: id, url: echo.url + path });
      expect(answer.headers.get("x-cyme-task")).toBe(id);
    }
    await outcome(branch, await send(branch, `${echo.url}/`));
    expect(asked(path)).toHaveLength(1);
  }, 60_000);

  test("that was another task is refused, at once and later", async () => {
    const [path, other] = [newPath("mine"), newPath("other")];
    const id = crypto.randomUUID();
    const atOnce = await Promise.all([under(id, path), under(id, other)]);
    expect(atOnce.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    const [won = "", lost = ""] = atOnce[0]?.status === 202 ? [path, other] : [other, path];
    await outcome(branch, id);
    const differing = [
      under(id, lost),
      under(id, won, { method: "DELETE" }),
      under(id, won, { method: "POST", body: "x" }),
      under(id, won, { place: "/shop/queue/narrow/" }),
    ];
    for (const answer of await Promise.all(differing)) {
      expect(answer.status).toBe(409);
      expect(bodyOf(answer)).toMatchObject({ error: "conflict", uuid: id });
    }
    expect([asked(won).length, asked(lost).length]).toEqual([1, 0]);
  });
});

describe("nowait", () => {
  test.each(["GET", "POST", "HEAD", "CONNECT"])("%s answers a uuid, and the task is done", async (method) => {
    const path = newPath("nowait");
    const uuid = await send(branch, echo.url + path, { place: "/shop/queue/!/t2/", method });
    expect((await outcome(branch, uuid)).result?.status_code).toBe(200);
    expect(asked(path).map((seen) => seen.method)).toEqual([method]);
  });

  test("refuses what can be seen to be wrong", async () => {
    expect((await ask(branch, "http://m/", { place: "/shop/queue/!/none/" })).status).toBe(404);
    expect((await ask(branch, "ftp://m/", { place: "/shop/queue/!/t2/" })).status).toBe(400);
  });
});

test("other places know the verbs that they knew", async () => {
  const status = async (method: string, path: string) => (await raw(branch.url, { method, path })).status;
  expect(await status("PATCH", "/shop/")).toBe(405);
  expect(await status("CONNECT", "/ping/")).toBe(405);
  expect(await status("TRACE", "/shop/queues/t2/")).toBe(405);
  expect(await status("OPTIONS", "/shop/queues/t2/")).toBe(204);
  expect(await status("GET", "/shop/queuex/t2/http://m/")).toBe(404);
  expect(await status("GET", "/shop/instances/!/web/")).toBe(501);
  expect(await status("GET", "/shop/task/t2/work.add/")).toBe(405);
});

/** A way to the broker that can be closed: then nobody gets through, and who was there is cut off. */
async function startRoad(brokerPort: number) {
  const open = new Set<Socket>();
  let isOpen = true;
  const target = await startTarget((socket) => {
    if (!isOpen) return void socket.destroy();
    const broker = connect({ host: "127.0.0.1", port: brokerPort });
    open.add(socket);
    for (const [from, to] of [[socket, broker] as const, [broker, socket] as const]) {
      from.on("data", (chunk) => void to.write(chunk));
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  });
  return {
    port: target.port,
    close() {
      isOpen = false;
      for (const socket of open) socket.destroy();
    },
    open: () => void (isOpen = true),
    [Symbol.asyncDispose]: () => target.stop(),
  };
}

describe("a broker", () => {
  let overfull: Promise<RawAnswer>;

  beforeAll(async () => {
    const place = "/crowd/queue/full/";
    await send(branch, `${echo.url}/full/1`, { place });
    overfull = ask(branch, `${echo.url}/full/2`, { place });
  });

  test("that is short of memory makes callers wait, and takes all of it when it has some again", async () => {
    await rabbit.setShortOfMemory(true);
    const paths = Array.from({ length: 50 }, (_, at) => newPath(`blocked-${at}`));
    let answered = 0;
    const sending = forEach(paths, 50, async (path) => {
      const uuid = await send(branch, echo.url + path);
      answered++;
      return uuid;
    });
    await until(
      async () => (await rabbit.evaluate("rabbit_networking:connection_info_all([state])")).includes("blocked"),
      {
        what: "the connection to be blocked",
      },
    );
    expect(answered).toBe(0);
    const nowait = await send(branch, `${echo.url}/blocked`, { place: "/shop/queue/!/t2/" });
    await must(branch, 200, "GET", `/shop/query/${nowait}/`);
    await rabbit.setShortOfMemory(false);
    await forEach([...(await sending), nowait], 51, (uuid) => outcome(branch, uuid));
    expect(paths.map((path) => asked(path).length)).toEqual(paths.map(() => 1));
    expect(asked("/blocked")).toHaveLength(1);
  }, 60_000);

  test("that is away is 503 in time, and later the same is one task", async () => {
    await using road = await startRoad(rabbit.port);
    await must(branch, 201, "POST", "/far/", { broker: rabbit.url.replace(`:${rabbit.port}`, `:${road.port}`) });
    await must(branch, 201, "POST", "/far/queues/t2/");
    const [path, before, scheduled] = [newPath("away"), newPath("before"), newPath("scheduled")];
    const far = "/far/queue/t2/";
    const first = await send(branch, echo.url + before, { place: far });
    road.close();
    const startedMs = performance.now();
    const sending = ask(branch, echo.url + path, { method: "PUT", body: "x", place: far });
    const nowait = await send(branch, echo.url + scheduled, { place: "/far/queue/!/t2/" });
    expect((await query(branch, nowait, "state/", "far")).body).toEqual({ state: "PENDING" });
    const answer = await sending;
    expect(performance.now() - startedMs).toBeLessThan(PATIENT_MS);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    const { uuid, ...facts } = bodyOf(answer);
    expect(facts).toMatchObject({ error: "unavailable", stored: false, nok: expect.stringContaining(String(uuid)) });

    road.open();
    const again = { method: "PUT", body: "x", headers: { "X-Cyme-Task": String(uuid) }, place: far };
    expect((await ask(branch, echo.url + path, again)).status).toBe(202);
    await forEach([first, String(uuid), nowait], 3, (id) => must(branch, 200, "GET", `/far/query/${id}/wait/`));
    expect([before, path, scheduled].map((each) => asked(each).length)).toEqual([1, 1, 1]);
  }, 100_000);

  test("whose queue is full and refuses more is 503 as well", async () => {
    const answer = await overfull;
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(bodyOf(answer)).toMatchObject({
      nok: expect.stringContaining('queue "full"'),
      error: "unavailable",
      stored: false,
      uuid: expect.stringMatching(UUID),
    });
  });
});
