import { describe, expect, test } from "bun:test";
import { CymeError, unavailable } from "../../domain/errors.ts";
import { ManualClock } from "../../kit/clock.ts";
import { Calls } from "./calls.ts";
import { requestLine, testTransport, type TestAnswer } from "../test-transport.ts";
import type { ClientRequest, ClientResponse } from "../transport.ts";

const UUID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";
const TARGET = "http://m/a%2Fb?x=1&";
const TARGET_IN_PATH = "http%3A%2F%2Fm%2Fa%252Fb%3Fx%3D1%26";

function setup(answer: TestAnswer = { text: "{}" }, nowait = false) {
  const { transport, requests } = testTransport(answer);
  return { tasks: new Calls(transport, { nowait }).tasks("shop"), requests };
}

const headerOf = ({ headers = {} }: ClientRequest, name: string) => headers[name];

describe("a URL task", () => {
  test("is sent with its URL percent-encoded as a whole, so that no part of it is read twice", async () => {
    const { tasks, requests } = setup();
    await tasks.send("t2", "http://u:p@[::1]:80//a/../b;c?q=%2F&r=%C3%A9#f");
    expect(requests.map(requestLine)).toEqual([
      `GET /shop/queue/t2/${encodeURIComponent("http://u:p@[::1]:80//a/../b;c?q=%2F&r=%C3%A9#f")}`,
    ]);
  });

  test("has no parameter of Cyme's own: all of the query is the target's", async () => {
    const { transport, requests } = testTransport({ text: "{}" });
    await new Calls(transport, { timeoutS: 5 }).tasks("shop").send("t2", "http://m/");
    expect(requests.map(({ query }) => query)).toEqual([undefined]);
  });

  test.each(["HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"] as const)(
    "is sent by the verb %s, which is the worker's",
    async (method) => {
      const { tasks, requests } = setup();
      await tasks.send("t2", "http://m/", { method });
      expect(requests.map((request) => request.method)).toEqual([method]);
    },
  );

  test("has its body byte for byte, and the type that is given", async () => {
    const { tasks, requests } = setup();
    const body = new Uint8Array([0, 255, 10]);
    await tasks.send("t2", "http://m/", { method: "PUT", body, contentType: "image/x" });
    await tasks.send("t2", "http://m/", { method: "POST", body: "ü" });
    expect(requests.map((request) => request.body)).toEqual([body, new Uint8Array([0xc3, 0xbc])]);
    expect(requests.map((request) => headerOf(request, "Content-Type"))).toEqual(["image/x", undefined]);
  });

  test("without a queue goes to the one that needs no declaration, and with nowait is not waited for", async () => {
    const plain = setup();
    await plain.tasks.send(undefined, TARGET);
    const scheduled = setup({ text: "{}" }, true);
    await scheduled.tasks.send(undefined, TARGET);
    await scheduled.tasks.send("t2", TARGET);
    expect([...plain.requests, ...scheduled.requests].map((request) => request.path)).toEqual([
      `/shop/queue/${TARGET_IN_PATH}`,
      `/shop/queue/!/${TARGET_IN_PATH}`,
      `/shop/queue/!/t2/${TARGET_IN_PATH}`,
    ]);
  });

  test("has a uuid of its own, or the one that is given", async () => {
    const { tasks, requests } = setup();
    await tasks.send("t2", "http://m/");
    await tasks.send("t2", "http://m/");
    await tasks.send("t2", "http://m/", { uuid: UUID.toUpperCase() });
    const [first, second, third] = requests.map((request) => headerOf(request, "X-Cyme-Task"));
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).not.toBe(first);
    expect(third).toBe(UUID);
  });

  test("resolves to the answer", async () => {
    const { tasks } = setup({ status: 202, text: `{"uuid":"${UUID}","method":"GET"}` });
    expect(await tasks.send("t2", "http://m/")).toEqual({ uuid: UUID, method: "GET" });
  });

  test("of an answer without a body, as to HEAD, resolves to the uuid in its headers", async () => {
    const { tasks } = setup({ status: 202, text: "", headers: { "X-Cyme-Task": UUID } });
    expect(await tasks.send("t2", "http://m/", { method: "HEAD" })).toEqual({ uuid: UUID });
  });

  test.each([
    [404, "not-found"],
    [400, "invalid"],
    [500, "internal"],
  ])("of status %d without a body, as to HEAD, is %s", async (status, code) => {
    const { tasks } = setup({ status, text: "" });
    await expect(tasks.send("t2", "http://m/", { method: "HEAD" })).rejects.toMatchObject({ code });
  });

  test("that is too long for a request is told so", async () => {
    const { tasks } = setup({ status: 431, text: "" });
    await expect(tasks.send("t2", "http://m/")).rejects.toThrow("about 16,000 characters");
  });

  test("tells of an error under which uuid it may have been taken", async () => {
    const { tasks } = setup({ status: 404, text: '{"nok":"Cannot find queue","error":"not-found","queue":"t2"}' });
    await expect(tasks.send("t2", "http://m/", { uuid: UUID })).rejects.toMatchObject({
      code: "not-found",
      facts: { queue: "t2", uuid: UUID },
    });
  });

  test.each(["GET", "HEAD", "TRACE"] as const)("with a body and the verb %s is refused", async (method) => {
    const { tasks, requests } = setup();
    await expect(tasks.send("t2", "http://m/", { method, body: "x" })).rejects.toThrow(`a body with ${method}`);
    expect(requests).toEqual([]);
  });

  test.each([
    ["to a URL that is none", () => setup().tasks.send("t2", "ftp://m/"), "Cannot use url"],
    ["to a queue that cannot be", () => setup().tasks.send("..", "http://m/"), "Cannot use queue name"],
    ["under a uuid that is none", () => setup().tasks.send("t2", "http://m/", { uuid: "7" }), "Cannot use uuid"],
  ])("%s is refused", async (_, send, message) => {
    await expect(send()).rejects.toThrow(message);
  });
});

describe("a task of the app's own", () => {
  test("is called by its name with what is given", async () => {
    const { tasks, requests } = setup();
    await tasks.call("t2", "shop.tasks.add", { args: [2, 3], kwargs: {}, expires: 60, priority: 3, uuid: UUID });
    expect(requests.map(requestLine)).toEqual([
      'POST /shop/task/t2/shop.tasks.add/ {"args":[2,3],"kwargs":{},"expires":60,"priority":3}',
    ]);
    expect(requests.map((request) => headerOf(request, "X-Cyme-Task"))).toEqual([UUID]);
  });

  test("may have a name that is no plain word", async () => {
    const { tasks, requests } = setup();
    await tasks.call("t2", "a/b?ü");
    expect(requests.map(({ path }) => path)).toEqual(["/shop/task/t2/a%2Fb%3F%C3%BC/"]);
  });
});

describe("what became of a task", () => {
  test.each([
    ["query", `GET /shop/query/${UUID}/`],
    ["state", `GET /shop/query/${UUID}/state/`],
    ["result", `GET /shop/query/${UUID}/result/`],
  ] as const)("%s() asks for", async (name, line) => {
    const { tasks, requests } = setup({ text: '{"result":5}' });
    expect(await tasks[name](UUID.toUpperCase())).toEqual({ result: 5 } as never);
    expect(requests.map(requestLine)).toEqual([line]);
  });

  test("send() is a GET, and with a body a POST", async () => {
    const { tasks, requests } = setup();
    await tasks.send("t2", "http://m/");
    await tasks.send("t2", "http://m/", { body: "" });
    expect(requests.map(({ method }) => method)).toEqual(["GET", "POST"]);
  });

  test("wait() asks for within its deadline, which the branch is told", async () => {
    const { transport, requests } = testTransport({ text: '{"result":5}' });
    const client = new Calls(transport, { timeoutS: 7200, clock: new ManualClock() });
    expect(await client.tasks("shop").wait(UUID)).toEqual({ result: 5 });
    expect(requests.map(requestLine)).toEqual([`GET /shop/query/${UUID}/wait/?timeout=7200`]);
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([7_202_000]);
  });

  test("nothing is asked for a uuid that is none", async () => {
    const { tasks, requests } = setup();
    for (const call of [tasks.query("x"), tasks.state(""), tasks.result(".."), tasks.wait(`${UUID}/`)]) {
      await expect(call).rejects.toThrow("Cannot use uuid: wanted a UUID such as");
    }
    expect(requests).toEqual([]);
  });
});

/** A client whose first requests fail so, in order; each is an error of the connection or an answer. */
function failing(...failures: (CymeError | ClientResponse)[]) {
  const clock = new ManualClock();
  const { transport: good, requests } = testTransport({ text: `{"uuid":"${UUID}","result":5}` });
  const startMs = clock.now();
  const atMs: number[] = [];
  const stop = new AbortController();
  const client = new Calls(
    async (request) => {
      atMs.push(clock.now() - startMs);
      const answer = await good(request);
      const failure = failures.shift();
      if (failure instanceof CymeError) throw failure;
      return failure ?? answer;
    },
    { clock, timeoutS: 20, signals: [stop.signal] },
  );
  return { tasks: client.tasks("shop"), clock, requests, atMs, stop };
}

const lost = () => unavailable("The connection was closed", { reached: true });
const nobody = () => unavailable("Connection refused", { reached: false });
const away = (retryAfterS: number): ClientResponse => ({
  status: 503,
  headers: new Headers(),
  text: `{"nok":"The broker is away","error":"unavailable","retry_after":${retryAfterS},"uuid":"${UUID}"}`,
});

describe("what may be done twice", () => {
  test("is repeated after a lost connection, under the same uuid and while the branch starts again", async () => {
    const { tasks, clock, requests, atMs } = failing(lost(), nobody(), nobody());
    const sent = tasks.send("t2", "http://m/");
    await clock.advance(5000);
    expect(await sent).toMatchObject({ uuid: UUID });
    expect(atMs).toHaveLength(4);
    expect(new Set(requests.map((request) => headerOf(request, "X-Cyme-Task"))).size).toBe(1);
  });

  test("is repeated when the branch says", async () => {
    const { tasks, clock, atMs } = failing(away(3), away(4));
    const sent = tasks.call("t2", "add");
    await clock.advance(10_000);
    await sent;
    expect(atMs).toEqual([0, 3000, 7000]);
  });

  test("is given up with what was said last where there is no time for another attempt", async () => {
    const { tasks, clock, requests } = failing(away(8), away(8), away(8));
    const sent = tasks.send("t2", "http://m/").catch((error: unknown) => error);
    await clock.advance(16_000);
    expect(await sent).toMatchObject({ code: "unavailable", message: "The broker is away" });
    expect(requests.map(({ timeoutMs }) => timeoutMs)).toEqual([20_000, 12_000, 4000]);
  });

  test("is given up with the reason that was said before, where the last attempt is not answered", async () => {
    const silence = new CymeError("timeout", "No answer within 7 s", { reached: true });
    const { tasks, clock } = failing(away(8), silence);
    const sent = tasks.send("t2", "http://m/").catch((error: unknown) => error);
    await clock.advance(8000);
    expect(await sent).toMatchObject({ code: "unavailable", message: "The broker is away" });
  });

  test("says what is not known where no attempt was answered", async () => {
    const silence = new CymeError("timeout", "No answer within 20 s: GET /shop/queue/…", { reached: true });
    const { tasks } = failing(silence);
    const words = "No answer within 20 s: nobody knows whether the task was sent, and the broker may be away";
    await expect(tasks.send("t2", "http://m/", { uuid: UUID })).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining(words),
      facts: { reached: true, uuid: UUID },
    });
  });

  test("is given up with the branch's own word for it, where there is one", async () => {
    const late = new CymeError("timeout", "Task is PENDING after 12 s", { state: "PENDING" });
    const { tasks, clock } = failing(away(8), late);
    const waited = tasks.wait(UUID).catch((error: unknown) => error);
    await clock.advance(8000);
    expect(await waited).toMatchObject({ code: "timeout", message: "Task is PENDING after 12 s" });
  });

  test("fails at once where nobody is there from the start", async () => {
    const { tasks, requests } = failing(nobody());
    await expect(tasks.send("t2", "http://m/")).rejects.toThrow("Connection refused");
    expect(requests).toHaveLength(1);
  });

  test("fails at once for any other error", async () => {
    const { tasks, requests } = failing(new CymeError("conflict", "Another task has that uuid"));
    await expect(tasks.send("t2", "http://m/")).rejects.toThrow("Another task has that uuid");
    expect(requests).toHaveLength(1);
  });

  test("ends when it is told to", async () => {
    const { tasks, clock, requests, stop } = failing(away(5));
    const sent = tasks.send("t2", "http://m/").catch((error: unknown) => error);
    await clock.advance(1000);
    stop.abort();
    expect(await sent).toMatchObject({ name: "AbortError" });
    expect(requests).toHaveLength(1);
  });

  test("is waiting too, which then has only the rest of its time", async () => {
    const { tasks, clock, requests } = failing(away(5));
    const waited = tasks.wait(UUID);
    await clock.advance(5000);
    expect(await waited).toMatchObject({ result: 5 });
    expect(requests.map(({ query }) => query)).toEqual([{ timeout: "20" }, { timeout: "15" }]);
  });
});
