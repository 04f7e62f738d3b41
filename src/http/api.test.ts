import { describe, expect, test } from "bun:test";
import { recordingLog } from "../../test/celery/recording-log.ts";
import type { Controller } from "../controller/controller.ts";
import { InstanceExists } from "../controller/instances.ts";
import { CymeError, unavailable } from "../domain/errors.ts";
import { ManualClock } from "../kit/clock.ts";
import { Api } from "./api.ts";
import type { GuardOptions } from "./guard.ts";

/** What the controllers were asked, and what they answer; a function of a name that is not here must not be called. */
type Answers = Record<string, (...args: unknown[]) => unknown>;

interface Parts {
  readonly answers?: Answers;
  readonly guard?: Partial<GuardOptions>;
}

/** There is no other branch. */
const ALONE: Readonly<Record<string, unknown>> = {
  elsewhere: { isAlone: true, isHere: () => false },
  logins: { isNobodyKnown: true, byToken: () => ({ name: "ann", role: "admin", by: "token" }) },
  audit: { add: () => undefined },
  hearing: {
    isOver: true,
    wait: (options: unknown) => Promise.resolve(options),
    waitForNobody: (options: unknown) => Promise.resolve(options),
    refuseUnsure: () => undefined,
  },
};

/** An API over controllers that only note what they are asked, as `instances.restart shop web`. */
function setup({ answers = {}, guard = {} }: Parts = {}) {
  const asked: string[] = [];
  const options: unknown[] = [];
  const lines: string[] = [];
  const room = (noun: string) =>
    new Proxy(
      {},
      {
        get:
          (_target, verb) =>
          (...args: unknown[]) => {
            const name = `${noun}.${String(verb)}`;
            const names = args.filter((arg) => typeof arg === "string" || arg === undefined);
            asked.push([name, ...names.map(String)].join(" "));
            options.push(...args.filter((arg) => typeof arg === "object" && arg !== null && "nowait" in arg));
            const answer = answers[name];
            if (!answer) throw new Error(`nobody expected ${name}`);
            return answer(...args);
          },
      },
    );
  const controller = new Proxy(
    {},
    {
      get: (_target, noun) => ALONE[String(noun)] ?? room(String(noun)),
    },
  ) as Controller;
  const api = new Api({
    controller,
    branchId: "b1",
    brokerOf: () => {
      throw new Error("no broker here");
    },
    clock: new ManualClock(),
    log: recordingLog(lines),
    maxBody: 1000,
    guard: { allowedHosts: [], corsOrigin: undefined, ...guard },
    isOpen: true,
  });
  const call = (line: string, init: RequestInit = {}, isTrusted = false) => {
    const [method = "", path = ""] = line.split(" ");
    return api.handle(new Request(`http://127.0.0.1:8000${path}`, { method, ...init }), isTrusted);
  };
  const json = async (line: string, init?: RequestInit) => {
    const response = await call(line, init);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    };
  };
  return { api, call, json, asked, options, lines };
}

const done = () => undefined;

describe("a request", () => {
  test("is answered in JSON that nobody keeps", async () => {
    const { call } = setup();
    const response = await call("GET /ping/");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"ok":"pong"}');
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test.each<[string, string]>([
    ["GET /", "apps.names"],
    ["GET /?timeout=5", "apps.names"],
    ["DELETE /shop/", "apps.remove shop"],
    ["DELETE /shop", "apps.remove shop"],
    ["GET /shop/instances/", "instances.names shop"],
    ["DELETE /shop/instances/web/", "instances.remove shop web"],
    ["DELETE /shop/instance/web/", "instances.remove shop web"],
    ["DELETE /instances/web/", "instances.remove undefined web"],
    ["POST /shop/instances/web/restart/", "instances.restart shop web"],
    ["POST /shop/instances/web/enable/", "instances.enable shop web"],
    ["POST /shop/instances/web/disable/", "instances.disable shop web"],
    ["GET /shop/instances/web/stats/", "instances.stats shop web"],
    ["GET /shop/instance/web/stats/", "instances.stats shop web"],
    ["GET /instances/web/stats/", "instances.stats undefined web"],
    ["GET /shop/instances/web/autoscale/", "instances.bounds shop web"],
    ["POST /shop/instance/web/autoscale/", "instances.autoscale shop web"],
    ["PUT /shop/instances/web/queues/t2/", "consumers.add shop web t2"],
    ["POST /shop/instances/web/queues/t2/", "consumers.add shop web t2"],
    ["DELETE /shop/instances/web/queues/t2/", "consumers.remove shop web t2"],
    ["GET /shop/queues/", "queues.names shop"],
    ["DELETE /shop/queues/t2/", "queues.remove shop t2"],
    ["GET /branches/", "branches.ids undefined"],
    ["DELETE /branches/b1/", "branches.shutdown b1"],
    ["POST /api/workers/start/", "workers.start"],
  ])("%s asks for %s", async (line, asked) => {
    const api = setup({ answers: { [asked.split(" ")[0] ?? ""]: done } });
    expect((await api.call(line)).status).toBeLessThan(300);
    expect(api.asked).toEqual([asked]);
  });

  test("waits for 60 s, or as it says", async () => {
    const api = setup({ answers: { "instances.restart": done } });
    await api.call("POST /shop/instances/web/restart/");
    await api.call("POST /shop/instances/web/restart/?timeout=1.5");
    await api.call("POST /shop/instances/web/restart/", { body: '{"timeout":7}' });
    expect(api.options).toEqual([60_000, 1500, 7000].map((timeoutMs) => ({ nowait: false, timeoutMs })));
  });

  test("that does not wait is told that it is scheduled", async () => {
    const api = setup({ answers: { "instances.restart": done, "apps.remove": done } });
    const { status, body } = await api.json("POST /shop/instances/!/web/restart/");
    expect([status, body]).toEqual([202, { ok: "operation scheduled" }]);
    expect(api.options).toEqual([{ nowait: true, timeoutMs: 60_000 }]);
    expect((await api.json("DELETE /!/shop/")).status).toBe(202);
  });

  test("is noted in the log where it changes something, without its query", async () => {
    const api = setup({ answers: { "apps.remove": done, "apps.names": done } });
    await api.call("DELETE /shop/?timeout=1");
    await api.call("GET /");
    expect(api.lines.map((line) => line.slice(25).trim())).toEqual(["INFO request method=DELETE path=/shop"]);
  });
});

describe("PUT of a new instance", () => {
  /** The instance is there by the time that adding it fails. */
  function adding(error: Error) {
    const known = { isThere: false };
    return setup({
      answers: {
        "instances.exists": () => known.isThere,
        "instances.add": () => {
          known.isThere = true;
          throw error;
        },
        "instances.change": () => {
          throw new CymeError("timeout", "changing takes long");
        },
      },
    });
  }

  test("tells a conflict of its own, with which it was stored", async () => {
    const { json } = adding(new CymeError("conflict", "The broker refuses it", { stored: true }));
    const { status, body } = await json("PUT /shop/instances/web/");
    expect([status, body]).toEqual([409, { error: "conflict", nok: "The broker refuses it", stored: true }]);
  });

  test("changes the one that somebody else added meanwhile", async () => {
    const { json } = adding(new InstanceExists("It exists", {}));
    expect((await json("PUT /shop/instances/web/")).body["nok"]).toBe("changing takes long");
  });

  test("changes nothing by POST", async () => {
    const { json } = adding(new InstanceExists("It exists", {}));
    expect((await json("POST /shop/instances/web/")).body["nok"]).toBe("It exists");
  });
});

describe("HEAD and OPTIONS", () => {
  test("HEAD is GET without a body", async () => {
    const response = await setup({ answers: { "apps.names": () => ["shop"] } }).call("HEAD /");
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.get("content-type")).toContain("application/json");
  });

  test("HEAD of what is not there has the status alone", async () => {
    const api = setup({
      answers: {
        "apps.get": () => {
          throw new CymeError("not-found", "no");
        },
      },
    });
    const response = await api.call("HEAD /none/");
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });

  test.each<[string, string]>([
    ["/", "GET, HEAD, OPTIONS"],
    ["/shop/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
    ["/shop/instances/web/restart/", "POST, OPTIONS"],
    ["/shop/queues/", "GET, HEAD, OPTIONS"],
    ["/instances/web/", "GET, HEAD, PUT, POST, DELETE, OPTIONS"],
  ])("OPTIONS %s allows %s", async (path, allow) => {
    const api = setup();
    const response = await api.call(`OPTIONS ${path}`);
    expect([response.status, response.headers.get("allow"), api.asked]).toEqual([204, allow, []]);
  });
});

test("a task that is sent is a line of the log at DEBUG, without query, user and password", async () => {
  const uuid = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";
  const broker = { scheme: "amqp", hostname: "h", port: 1, userid: "u", password: "s3cret", virtualHost: "/" };
  const sent = { sent: { id: uuid, app: "shop", queue: "t2", name: "cyme.tasks.webhook" }, broker };
  const { call, lines } = setup({ answers: { "tasks.sendUrl": () => sent } });
  await call("PUT /shop/queue/t2/http://me:s3cret@m/a/b?token=s3cret#s3cret", { body: "s3cret" });
  expect(lines).toEqual([
    `1970-01-01T00:00:00.000Z DEBUG task app=shop queue=t2 uuid=${uuid} method=PUT target=http://m/a/b\n`,
  ]);
});

describe("a request that is wrong", () => {
  test.each<[string, number, string]>([
    ["GET /shop/none/", 404, "not-found"],
    ["GET /shop/instances/web/queues/t2/more/", 404, "not-found"],
    ["GET //shop/", 404, "not-found"],
    ["GET /ping/more/", 404, "not-found"],
    ["GET /api/", 404, "not-found"],
    ["DELETE /", 405, "method-not-allowed"],
    ["DELETE /shop/queues/", 405, "method-not-allowed"],
    ["PUT /shop/instances/web/restart/", 405, "method-not-allowed"],
    ["POST /ping/", 405, "method-not-allowed"],
    ["PATCH /shop/", 405, "method-not-allowed"],
    ["GET /shop/instances/!/web/", 501, "not-implemented"],
    ["GET /shop/instances/?colour=red", 400, "invalid"],
    ["DELETE /shop/?broker=amqp://", 400, "invalid"],
    ["DELETE /shop/?timeout=soon", 400, "invalid"],
    ["DELETE /shop/?timeout=-1", 400, "invalid"],
    ["DELETE /shop/?timeout=86401", 400, "invalid"],
    ["GET /%/", 400, "invalid"],
  ])("%s is %d", async (line, status, error) => {
    const api = setup();
    const answer = await api.json(line);
    expect([answer.status, answer.body["error"]]).toEqual([status, error]);
    expect(answer.body["nok"]).toBeString();
    expect(api.asked).toEqual([]);
  });

  test("says what is allowed instead", async () => {
    const { headers, body } = await setup().json("DELETE /shop/queues/");
    expect(headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(body["nok"]).toBe("DELETE is not possible at /shop/queues: wanted GET, HEAD, OPTIONS");
  });
});

test("logs that are followed have a bound for each name, and places that become free", async () => {
  const logFile = () => `${import.meta.dir}/none.log`;
  const api = setup({ answers: { "instances.logFile": logFile } });
  const line = "GET /shop/instances/web/log/?follow=1";
  const follow = () => api.call(line, { headers: { authorization: "Bearer ann" } });
  const open = await Promise.all(Array.from({ length: 20 }, follow));
  expect(open.map(({ status }) => status)).toEqual(open.map(() => 200));
  const refused = await follow();
  expect([refused.status, await refused.text()]).toEqual([
    503,
    expect.stringContaining("has 20 readers that follow logs"),
  ]);
  await open[0]?.body?.cancel();
  expect((await follow()).status).toBe(200);
  const ended = await api.call("GET /shop/instances/web/log/?follow=0", { headers: { authorization: "Bearer ann" } });
  expect(ended.status).toBe(200);
  api.api.endStreams();
});

describe("an error", () => {
  const failing = (error: unknown) =>
    setup({
      answers: {
        "apps.names": () => {
          throw error;
        },
      },
    });

  test("has its status, sentence, code and facts", async () => {
    const { status, body } = await failing(new CymeError("conflict", "It exists", { app: "shop" })).json("GET /");
    expect([status, body]).toEqual([409, { nok: "It exists", error: "conflict", app: "shop" }]);
  });

  test("that will pass says when to try again", async () => {
    const { status, headers } = await failing(unavailable("away", {}, 7)).json("GET /");
    expect([status, headers.get("retry-after")]).toEqual([503, "7"]);
  });

  test("of ours is told by an id, under which the log has the stack, and nothing else", async () => {
    const api = failing(new TypeError("x is not a function"));
    const { status, body } = await api.json("GET /");
    expect([status, body["error"]]).toEqual([500, "internal"]);
    expect(JSON.stringify(body)).not.toContain("not a function");
    expect(api.lines.join("")).toContain(String(body["id"]));
    expect(api.lines.join("")).toMatch(/x is not a function[\s\S]*at /);
  });

  test("that comes later is an answer too", async () => {
    const api = setup({ answers: { "instances.restart": () => Promise.reject(new CymeError("timeout", "late")) } });
    expect((await api.json("POST /shop/instances/web/restart/")).status).toBe(408);
  });
});

describe("who is asking", () => {
  const evil = { headers: { host: "evil.example" } };
  const answers = { "apps.names": () => [] };

  test("is refused by a foreign Host on every route, also where nothing is", async () => {
    const api = setup({ answers });
    for (const line of ["GET /", "GET /ping/", "OPTIONS /", "GET /shop/none/"]) {
      expect((await api.call(line, evil)).status).toBe(403);
    }
    expect(api.asked).toEqual([]);
  });

  test("sends no task where a page may have made a browser do so", async () => {
    const api = setup();
    const line = "GET /shop/queue/t2/http://m/x";
    const { status, body } = await api.json(line, { headers: { "user-agent": "Mozilla/5.0" } });
    expect([status, body["error"], api.asked]).toEqual([403, "forbidden", []]);
  });

  test("is trusted where only the owner of the directory can ask", async () => {
    expect((await setup({ answers }).call("GET /", evil, true)).status).toBe(200);
  });

  test("may be a page of the allowed site, which can read errors too", async () => {
    const origin = "https://ui.example";
    const api = setup({ answers, guard: { corsOrigin: origin } });
    for (const [line, status] of [
      ["GET /", 200],
      ["GET /shop/none/", 404],
      ["OPTIONS /shop/", 204],
    ] as const) {
      const response = await api.call(line, { headers: { origin } });
      expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([status, origin]);
    }
    const other = await api.call("GET /", { headers: { origin: "https://evil.example" } });
    expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });
});
