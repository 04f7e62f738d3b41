import { describe, expect, test } from "bun:test";
import { CymeError } from "../../domain/errors.ts";
import type { ApiOptions } from "./api.ts";
import { Calls } from "./calls.ts";
import { requestLine, testTransport, type TestAnswer } from "../test-transport.ts";

function setup(answer: TestAnswer = {}, options: ApiOptions = {}) {
  const { transport, requests } = testTransport(answer);
  return { client: new Calls(transport, options), requests };
}

const CALLS: [call: (client: Calls) => Promise<unknown>, requests: string[], nowait: string[]][] = [
  [(c) => c.apps.list(), ["GET /"], ["GET /"]],
  [(c) => c.apps.get("shop"), ["GET /shop/"], ["GET /shop/"]],
  [(c) => c.apps.add("shop"), ["POST /shop/ {}"], ["POST /!/shop/ {}"]],
  [
    (c) => c.apps.set("shop", { cwd: null }),
    ["GET /shop/", 'PUT /shop/ {"cwd":null}'],
    ["GET /shop/", 'PUT /!/shop/ {"cwd":null}'],
  ],
  [(c) => c.apps.delete("shop"), ["DELETE /shop/"], ["DELETE /!/shop/"]],
  [(c) => c.instances("shop").list(), ["GET /shop/instances/"], ["GET /shop/instances/"]],
  [
    (c) => c.instances("shop").add(undefined, { pool: "solo" }),
    ['POST /shop/instances/ {"pool":"solo"}'],
    ['POST /shop/instances/!/ {"pool":"solo"}'],
  ],
  [(c) => c.instances("shop").add("web"), ["POST /shop/instances/web/ {}"], ["POST /shop/instances/!/web/ {}"]],
  [(c) => c.instances("shop").get("web"), ["GET /shop/instances/web/"], ["GET /shop/instances/web/"]],
  [(c) => c.instances().get("web"), ["GET /instances/web/"], ["GET /instances/web/"]],
  [
    (c) => c.instances("shop").set("web", { max_concurrency: 3 }),
    ["GET /shop/instances/web/", 'PUT /shop/instances/web/ {"max_concurrency":3}'],
    ["GET /shop/instances/web/", 'PUT /shop/instances/!/web/ {"max_concurrency":3}'],
  ],
  [(c) => c.instances("shop").delete("web"), ["DELETE /shop/instances/web/"], ["DELETE /shop/instances/!/web/"]],
  [(c) => c.instances().delete("web"), ["DELETE /instances/web/"], ["DELETE /instances/!/web/"]],
  [
    (c) => c.instances("shop").restart("web"),
    ["POST /shop/instances/web/restart/"],
    ["POST /shop/instances/!/web/restart/"],
  ],
  [
    (c) => c.instances("shop").enable("web"),
    ["POST /shop/instances/web/enable/"],
    ["POST /shop/instances/!/web/enable/"],
  ],
  [
    (c) => c.instances("shop").disable("web"),
    ["POST /shop/instances/web/disable/"],
    ["POST /shop/instances/!/web/disable/"],
  ],
  [
    (c) => c.instances("shop").samples("web"),
    ["GET /shop/instances/web/samples/"],
    ["GET /shop/instances/web/samples/"],
  ],
  [
    (c) => c.tasks("shop").list({ state: "FAILURE", limit: 5 }),
    ["GET /api/tasks/?app=shop&state=FAILURE&limit=5"],
    ["GET /api/tasks/?app=shop&state=FAILURE&limit=5"],
  ],
  [(c) => c.events(() => {}), ["GET /api/events/"], ["GET /api/events/"]],
  [(c) => c.instances("shop").stats("web"), ["GET /shop/instances/web/stats/"], ["GET /shop/instances/web/stats/"]],
  [
    (c) => c.instances("shop").autoscale("web"),
    ["GET /shop/instances/web/autoscale/"],
    ["GET /shop/instances/web/autoscale/"],
  ],
  [
    (c) => c.instances("shop").autoscale("web", { max: 4 }),
    ['POST /shop/instances/web/autoscale/ {"max":4}'],
    ['POST /shop/instances/!/web/autoscale/ {"max":4}'],
  ],
  [
    (c) => c.instances("shop").log("web", 5),
    ["GET /shop/instances/web/log/?lines=5"],
    ["GET /shop/instances/web/log/?lines=5"],
  ],
  [
    (c) => c.instances("shop").history("web"),
    ["GET /shop/instances/web/history/"],
    ["GET /shop/instances/web/history/"],
  ],
  [(c) => c.queues("shop").list(), ["GET /shop/queues/"], ["GET /shop/queues/"]],
  [(c) => c.queues("shop").get("t2"), ["GET /shop/queues/t2/"], ["GET /shop/queues/t2/"]],
  [
    (c) => c.queues("shop").add("t2", { exchange_type: "topic" }),
    ['POST /shop/queues/t2/ {"exchange_type":"topic"}'],
    ['POST /shop/queues/!/t2/ {"exchange_type":"topic"}'],
  ],
  [(c) => c.queues("shop").delete("t2"), ["DELETE /shop/queues/t2/"], ["DELETE /shop/queues/!/t2/"]],
  [(c) => c.consumers("shop").list("web"), ["GET /shop/instances/web/queues/"], ["GET /shop/instances/web/queues/"]],
  [
    (c) => c.consumers("shop").add("web", "t2"),
    ["POST /shop/instances/web/queues/t2/"],
    ["POST /shop/instances/!/web/queues/t2/"],
  ],
  [
    (c) => c.consumers().delete("web", "t2"),
    ["DELETE /instances/web/queues/t2/"],
    ["DELETE /instances/!/web/queues/t2/"],
  ],
  [(c) => c.branches.list(), ["GET /branches/"], ["GET /branches/"]],
  [(c) => c.branches.get("b1"), ["GET /branches/b1/"], ["GET /branches/b1/"]],
  [(c) => c.branches.shutdown("b1"), ["DELETE /branches/b1/"], ["DELETE /branches/b1/"]],
  [(c) => c.branches.forget("b1"), ["DELETE /branches/b1/?forget=1"], ["DELETE /branches/b1/?forget=1"]],
  [(c) => c.workers.start(), ["POST /api/workers/start/"], ["POST /api/workers/start/"]],
  [
    (c) => c.instances("shop").restart("web", { rolling: true }),
    ["POST /shop/instances/web/restart/?rolling=1"],
    ["POST /shop/instances/!/web/restart/?rolling=1"],
  ],
  [
    (c) => c.workers.restart({ rolling: true }),
    ["POST /api/workers/restart/?rolling=1"],
    ["POST /api/workers/restart/?rolling=1"],
  ],
  [(c) => c.workers.restart(), ["POST /api/workers/restart/"], ["POST /api/workers/restart/"]],
  [(c) => c.workers.shutdown(), ["POST /api/workers/shutdown/"], ["POST /api/workers/shutdown/"]],
  [(c) => c.workers.status(), ["GET /api/status/"], ["GET /api/status/"]],
];

describe("Calls", () => {
  test.each(CALLS)("%s sends %j, with nowait %j", async (call, plain, nowait) => {
    const waiting = setup();
    await call(waiting.client);
    expect(waiting.requests.map(requestLine)).toEqual(plain);
    const scheduling = setup({}, { nowait: true });
    await call(scheduling.client);
    expect(scheduling.requests.map(requestLine)).toEqual(nowait);
  });

  test("resolves to the answer", async () => {
    const { client } = setup({ text: '["a","b"]' });
    expect(await client.apps.list()).toEqual(["a", "b"]);
  });

  test("resolves a log to its text", async () => {
    const { client } = setup({ text: "one\ntwo\n" });
    expect(await client.instances("shop").log("web")).toBe("one\ntwo\n");
  });

  test("tells the branch the deadline of writes and of what asks a worker, and waits a little longer itself", async () => {
    const { client, requests } = setup({}, { timeoutS: 5 });
    await client.instances("shop").restart("web");
    await client.instances("shop").stats("web");
    await client.apps.list();
    expect(requests.map(({ query }) => query)).toEqual([{ timeout: "5" }, { timeout: "5" }, {}]);
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([7000, 7000, 7000]);
  });

  test("names the branches that stayed silent", async () => {
    const silent: string[][] = [];
    const { client } = setup(
      { text: "[]", headers: { "X-Cyme-Silent": "b2, b3" } },
      { onSilent: (branches) => silent.push(branches) },
    );
    await client.instances("shop").list();
    expect(silent).toEqual([["b2", "b3"]]);
  });

  test("does not create an app that set() does not find", async () => {
    const { client, requests } = setup({ status: 404, text: '{"nok":"Cannot find app","error":"not-found"}' });
    await expect(client.apps.set("shpo", { cwd: "/" })).rejects.toMatchObject({ code: "not-found" });
    expect(requests.map(requestLine)).toEqual(["GET /shpo/"]);
  });

  test.each(["..", ".", "!", "", "a/b", "branches"])(
    "refuses %j as the name of an app, which is another route",
    (name) => {
      const { client, requests } = setup();
      expect(() => client.apps.delete(name)).toThrow(CymeError);
      expect(requests).toEqual([]);
    },
  );

  test.each(["..", "!", "a/b"])("refuses %j as the name of an instance, a queue or a branch", (name) => {
    const { client, requests } = setup();
    expect(() => client.instances("shop").delete(name)).toThrow(CymeError);
    expect(() => client.queues("shop").delete(name)).toThrow(CymeError);
    expect(() => client.consumers("shop").delete("web", name)).toThrow(CymeError);
    expect(() => client.branches.forget(name)).toThrow(CymeError);
    expect(requests).toEqual([]);
  });
});

describe("errors of the Calls", () => {
  test("have the code, the sentence and the facts of the answer", async () => {
    const text = '{"nok":"It ended","error":"worker-failed","log":["boom"],"stored":false}';
    const { client } = setup({ status: 502, text });
    const error = await client
      .instances("shop")
      .add("web")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CymeError);
    expect(error).toMatchObject({
      code: "worker-failed",
      message: "It ended",
      facts: { log: ["boom"], stored: false },
    });
  });

  test("of an unknown code are internal", async () => {
    const { client } = setup({ status: 599, text: '{"nok":"New","error":"brand-new"}' });
    await expect(client.apps.list()).rejects.toMatchObject({ code: "internal", message: "New" });
  });

  test.each([
    [502, "<html>Bad gateway</html>"],
    [200, "<html>Welcome</html>"],
    [404, '"nothing"'],
  ])("say for status %d with %j that no branch answered", async (status, text) => {
    const { client } = setup({ status, text });
    await expect(client.apps.list()).rejects.toThrow(`not one of a branch (status ${status}`);
  });
});
