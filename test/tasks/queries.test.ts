import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Branch } from "../harness/branch.ts";
import { anyCelery, inspect } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { answer, readRequests, startEcho, startTarget, type Echo, type Target } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { must } from "../lifecycle/work.ts";
import { forEach, outcome, query, send, startShop, stateOf, untilState } from "./work.ts";

const celery = anyCelery();
const NOBODY = "11111111-2222-4333-8444-555555555555";

/** A target that holds its answers until it is told to give them. */
interface Holder {
  readonly target: Target;
  letGo(): void;
}

async function startHolder(): Promise<Holder> {
  const gate = Promise.withResolvers<void>();
  const target = await startTarget((socket) => {
    readRequests(
      socket,
      () => void gate.promise.then(() => socket.write(answer({ type: "text/plain", body: "done" }))),
    );
  });
  return { target, letGo: () => gate.resolve() };
}

let vhost: Vhost;
let branch: Branch;
let echo: Echo;

beforeAll(async () => {
  [vhost, echo] = await Promise.all([freshVhost(), startEcho()]);
  branch = await startShop({ broker: vhost.url, celery });
  await must(branch, 201, "POST", "/shop/queues/idle/");
  await must(branch, 201, "POST", "/other/");
  await must(branch, 201, "POST", "/other/queues/parcels/");
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await Promise.all([echo.stop(), vhost.drop()]);
}, 60_000);

const idle = () => send(branch, `${echo.url}/idle`, { place: "/shop/queue/idle/" });

describe("a task", () => {
  test("that nobody has taken is PENDING, without a result", async () => {
    const uuid = await idle();
    const facts = { uuid, state: "PENDING", result: null, app: "shop", queue: "idle", url: `${echo.url}/idle` };
    expect(await query(branch, uuid)).toMatchObject({ status: 200, body: facts });
    expect(await query(branch, uuid, "state/")).toMatchObject({ status: 200, body: { state: "PENDING" } });
    expect((await query(branch, uuid, "result/")).body).toEqual({ result: null });
  });

  test("is STARTED while its web server has not answered, then SUCCESS with the answer", async () => {
    const { target, letGo } = await startHolder();
    const uuid = await send(branch, target.url);
    await untilState(branch, uuid, "STARTED");
    expect((await query(branch, uuid)).body).toMatchObject({ uuid, state: "STARTED", result: null });
    expect((await query(branch, uuid, "result/")).body).toEqual({ result: null });
    const late = await query(branch, uuid, "wait/?timeout=0.2");
    expect(late).toMatchObject({ status: 408, body: { error: "timeout", uuid, state: "STARTED" } });
    letGo();
    expect((await outcome(branch, uuid)).result).toMatchObject({ status_code: 200, content: "done" });
    const { body } = await query(branch, uuid);
    expect(body).toMatchObject({ uuid, state: "SUCCESS", method: "GET", result: { url: `${target.url}/` } });
    expect(body).not.toHaveProperty("error");
    expect((await query(branch, uuid, "state/")).body).toEqual({ state: "SUCCESS" });
    await target.stop();
  });

  test("that fails is FAILURE, with type and message in place of a result", async () => {
    const target = await startTarget(() => {});
    await target.stop();
    const uuid = await send(branch, target.url);
    const { result, error } = await outcome(branch, uuid);
    expect(result).toBeNull();
    expect(error).toEqual({ type: "ConnectionRefusedError", message: expect.stringContaining(`port ${target.port}`) });
    expect((await query(branch, uuid, "result/")).body).toEqual({ result: null, error });
    expect((await query(branch, uuid)).body).toMatchObject({ state: "FAILURE", result: null, error });
  });

  test("that `celery control revoke` revokes is REVOKED, and waiting for it ends", async () => {
    const uuid = await send(branch, `${echo.url}/revoked`, { place: "/shop/queue/idle/" });
    await revoke(uuid);
    const waiting = outcome(branch, uuid);
    await must(branch, 201, "PUT", "/shop/instances/web/queues/idle/");
    expect(await waiting).toMatchObject({ result: null, error: { type: "TaskRevokedError" } });
    expect(await stateOf(branch, uuid)).toBe("REVOKED");
    expect(echo.requests.map(({ target }) => target)).not.toContain("/revoked");
    await must(branch, 200, "DELETE", "/shop/instances/web/queues/idle/");
  });

  async function revoke(uuid: string): Promise<void> {
    const child = Bun.spawn([celery.python, "-m", "celery", "-b", vhost.url, "control", "revoke", uuid], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    const revoked = async () => {
      const replies = await inspect(celery, vhost.url, "revoked");
      return Object.values(replies).some((ids) => Array.isArray(ids) && ids.includes(uuid));
    };
    await until(revoked, { what: `the worker to know that ${uuid} is revoked` });
  }

  test("that nobody knows is PENDING, with nothing else to tell", async () => {
    const { status, body } = await query(branch, NOBODY);
    expect(status).toBe(200);
    const nothing = { result: null, app: null, queue: null, task: null, method: null, url: null };
    expect(body).toEqual({ uuid: NOBODY, state: "PENDING", ...nothing, sent_at: null, changed_at: null });
    expect((await query(branch, NOBODY, "result/")).body).toEqual({ result: null });
    expect(await query(branch, NOBODY, "wait/?timeout=0.1")).toMatchObject({ status: 408, body: { state: "PENDING" } });
  });

  test("is unknown to another app", async () => {
    const uuid = await send(branch, `${echo.url}/mine`);
    await outcome(branch, uuid);
    expect((await query(branch, uuid, "", "other")).body).toMatchObject({ state: "PENDING", result: null, url: null });
    expect((await query(branch, uuid, "result/", "other")).body).toEqual({ result: null });
    const late = await query(branch, uuid, "wait/?timeout=0", "other");
    expect(late).toMatchObject({ status: 408, body: { state: "PENDING" } });
  });

  test("is found by its uuid in capitals too", async () => {
    const uuid = await send(branch, `${echo.url}/capitals`);
    await outcome(branch, uuid);
    expect((await query(branch, uuid.toUpperCase(), "state/")).body).toEqual({ state: "SUCCESS" });
  });
});

describe.each(["", "state/", "result/", "wait/"])("/query/<uuid>/%s", (what) => {
  test("refuses what is no uuid, and apps that are not there", async () => {
    const wrong = await query(branch, "not-a-uuid", what);
    expect(wrong).toMatchObject({ status: 400, body: { error: "invalid", parameter: "uuid" } });
    expect(await query(branch, NOBODY, what, "none")).toMatchObject({
      status: 404,
      body: { error: "not-found", app: "none" },
    });
  });

  test("is only read: other methods are 405, an unknown parameter is 400", async () => {
    const path = `/shop/query/${NOBODY}/${what}`;
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const refused = await branch.api(method, path);
      expect([method, refused.status, refused.headers.get("allow")]).toEqual([method, 405, "GET, HEAD, OPTIONS"]);
    }
    expect(await branch.api("OPTIONS", path)).toMatchObject({ status: 204 });
    expect(await branch.api("GET", path, { query: { colour: "red" } })).toMatchObject({
      status: 400,
      body: { parameter: "colour" },
    });
  });
});

describe("waiting", () => {
  test("answers at once for a task that is over", async () => {
    const uuid = await send(branch, `${echo.url}/over`);
    const first = await outcome(branch, uuid);
    expect(first.result?.status_code).toBe(200);
    expect(await query(branch, uuid, "wait/?timeout=0")).toMatchObject({ status: 200, body: first });
  });

  test("by 200 callers at once for one task is answered to all of them by its end", async () => {
    const { target, letGo } = await startHolder();
    const uuid = await send(branch, target.url);
    const waiting = Array.from({ length: 200 }, () => outcome(branch, uuid));
    await until(() => target.connections() > 0, { what: "the worker to have begun" });
    letGo();
    const outcomes = await Promise.all(waiting);
    expect(outcomes.map(({ result }) => result?.content)).toEqual(Array.from({ length: 200 }, () => "done"));
    await target.stop();
  });

  test("by 200 callers at once for 200 tasks gives each its own", async () => {
    const paths = Array.from({ length: 200 }, (_, at) => `/each/${at}`);
    const uuids = await forEach(paths, 16, (path) => send(branch, echo.url + path, { place: "/shop/queue/idle/" }));
    const waiting = uuids.map((uuid) => outcome(branch, uuid));
    await must(branch, 201, "PUT", "/shop/instances/web/queues/idle/");
    const targets = (await Promise.all(waiting)).map(
      ({ result }) => JSON.parse(result?.content ?? "").target as string,
    );
    expect(targets).toEqual(paths);
    await must(branch, 200, "DELETE", "/shop/instances/web/queues/idle/");
  });

  test("by somebody who leaves disturbs nobody else", async () => {
    const { target, letGo } = await startHolder();
    const uuid = await send(branch, target.url);
    const stays = outcome(branch, uuid);
    const { hostname, port } = new URL(branch.url);
    const leaving = connect({ host: hostname, port: Number(port) });
    const requestOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
    leaving.write(requestOf("/ping/") + requestOf(`/shop/query/${uuid}/wait/`));
    // With its answer the second request is known to the branch too.
    await new Promise((resolve) => leaving.once("data", resolve));
    leaving.destroy();
    letGo();
    expect((await stays).result?.content).toBe("done");
    expect((await branch.log()).match(/ (ERROR|CRITICAL) .*/g)).toBeNull();
    await target.stop();
  });

  test.each(["x", "-1", "1e9"])("refuses %p as a time", async (timeout) => {
    const refused = await query(branch, NOBODY, `wait/?timeout=${timeout}`);
    expect(refused).toMatchObject({ status: 400, body: { error: "invalid", parameter: "timeout" } });
  });

  test("HEAD waits as GET does, and says so without a body", async () => {
    const uuid = await send(branch, `${echo.url}/head`);
    const head = await branch.api("HEAD", `/shop/query/${uuid}/wait/`);
    expect([head.status, head.body]).toEqual([200, ""]);
    const early = await branch.api("HEAD", `/shop/query/${NOBODY}/wait/?timeout=0`);
    expect([early.status, early.body]).toEqual([408, ""]);
  });
});

describe("a queue that nobody consumes", () => {
  test("keeps its tasks for the first consumer", async () => {
    await must(branch, 201, "POST", "/shop/queues/first/");
    const uuids = await forEach([1, 2, 3], 3, (n) =>
      send(branch, `${echo.url}/first/${n}`, { place: "/shop/queue/first/" }),
    );
    expect(await Promise.all(uuids.map((uuid) => stateOf(branch, uuid)))).toEqual(["PENDING", "PENDING", "PENDING"]);
    await must(branch, 201, "PUT", "/shop/instances/web/queues/first/");
    const outcomes = await Promise.all(uuids.map((uuid) => outcome(branch, uuid)));
    expect(outcomes.map(({ result }) => result?.status_code)).toEqual([200, 200, 200]);
  });
});

describe("a branch that ends", () => {
  test("tells those who wait, and has the results that came meanwhile when it is back", async () => {
    const { target, letGo } = await startHolder();
    const uuid = await send(branch, target.url);
    await until(() => target.connections() > 0, { what: "the worker to have begun" });
    await untilState(branch, uuid, "STARTED");
    const waiting = query(branch, uuid, "wait/");
    // Asked later, so with its answer the wait is known to the branch too.
    await must(branch, 200, "GET", "/ping/");
    expect(await branch.stop()).toBe(0);
    const told = await waiting;
    expect(told).toMatchObject({ status: 503, body: { error: "unavailable", uuid } });
    expect(told.headers.get("retry-after")).toMatch(/^\d+$/);

    letGo();
    await until(async () => (await messagesIn(`cyme.results.${branch.id}`)) === 1, {
      what: "the result to be on the broker",
    });
    await branch.restart();
    expect((await query(branch, uuid)).body).toMatchObject({ state: "SUCCESS", result: { content: "done" } });
    expect(await query(branch, uuid, "wait/?timeout=0")).toMatchObject({
      status: 200,
      body: { result: { content: "done" } },
    });
    await target.stop();
  }, 60_000);

  async function messagesIn(queue: string): Promise<number> {
    const program = [
      "import sys, kombu",
      "with kombu.Connection(sys.argv[1]) as c: print(c.default_channel.queue_declare(sys.argv[2], passive=True).message_count)",
    ].join("\n");
    const child = Bun.spawn([celery.python, "-c", program, vhost.url, queue], { stdout: "pipe", stderr: "ignore" });
    return Number(await new Response(child.stdout).text());
  }

  test("keeps what it knew", async () => {
    const uuid = await send(branch, `${echo.url}/kept`);
    const before = await outcome(branch, uuid);
    await branch.restart();
    expect(await outcome(branch, uuid)).toEqual(before);
  }, 60_000);
});
