import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { Events } from "../harness/events.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 1 } });
  await branch.api("PUT", "/shop/queues/orders/");
  await branch.api("PUT", "/shop/instances/web/", { json: { pool: "solo", queues: ["orders"] } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

async function listen(init: BunFetchRequestInit = {}, base = branch.url): Promise<Events> {
  const { body, status, headers } = await fetch(`${base}/api/events/`, init);
  expect([status, headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  if (!body) throw new Error("the events have no body");
  const events = new Events(body);
  await until(() => events.last("ready"), { what: "all that there is" });
  return events;
}

describe("events", () => {
  test("tell of the worker, its branch, its app and what its queue has", async () => {
    await using events = await listen();
    expect(events.last("instance", { name: "web" })).toMatchObject({ state: "running", queues: ["orders"] });
    expect(events.last("branch")).toMatchObject({ id: branch.id, is_up: true, instances: 1 });
    expect(events.last("app")).toMatchObject({ name: "shop", queues: ["orders"] });
    const counted = { app: "shop", name: "orders", messages: 0, consumers: 1 };
    await until(() => events.last("queue", counted), { what: "the queue to be counted", timeoutMs: 20_000 });
  });

  test("come over the socket too, and HEAD does not wait for them", async () => {
    await using events = await listen({ unix: join(branch.dir, "branch.sock") }, "http://localhost");
    expect(events.last("instance", { name: "web" })).toBeDefined();
    const head = await branch.api("HEAD", "/api/events/");
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  });

  test("tell of a change, of a task that was sent, and of what waits", async () => {
    await using events = await listen();
    await branch.api("POST", "/shop/instances/web/disable/");
    await until(() => events.last("instance", { name: "web", state: "disabled" }), { what: "the disabled instance" });
    const { body } = await branch.api<{ uuid: string }>("POST", "/shop/queue/orders/http://127.0.0.1:1/x");
    const sent = { uuid: body.uuid, queue: "orders", state: "PENDING", branch: branch.id };
    await until(() => events.last("task", sent), { what: "the task" });
    await until(() => events.last("queue", { messages: 1, consumers: 0 }), {
      what: "the message to be counted",
      timeoutMs: 20_000,
    });
    const { body: listed } = await branch.api("GET", "/api/tasks/", { query: { app: "shop", limit: "1" } });
    expect(listed).toEqual([expect.objectContaining({ uuid: body.uuid, name: "cyme.tasks.webhook", app: "shop" })]);
    await branch.api("POST", "/shop/instances/web/enable/");
    await until(() => events.last("task", { uuid: body.uuid, state: "FAILURE" }), {
      what: "its end",
      timeoutMs: 30_000,
    });
  });

  test("end when the branch stops, which does not wait for their readers", async () => {
    await using events = await listen();
    expect(await branch.stop()).toBe(0);
    await until(() => events.isOver, { what: "the end of the events" });
    await branch.restart();
  });

  test("are not kept for who does not read them", async () => {
    const { port } = new URL(branch.url);
    const socket = connect(Number(port), "127.0.0.1");
    const ended = Promise.withResolvers<void>();
    socket.on("close", () => ended.resolve());
    socket.write("GET /api/events/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    socket.pause();
    await using reader = await listen();
    // More in all than the system takes for a reader that sleeps.
    for (let round = 0; round < 12; round++) {
      const env = Object.fromEntries(
        Array.from({ length: 40 }, (_, i) => [`FILL${i}`, `${round}${"x".repeat(60_000)}`]),
      );
      await branch.api("PUT", "/shop/instances/web/", { json: { env, is_enabled: false } });
      const seen = () => (reader.last("instance")?.["env"] as typeof env | null)?.["FILL0"] === env["FILL0"];
      await until(seen, { what: `change ${round}` });
    }
    // What the system holds for it still comes, and then the end: not all that was told.
    let bytes = 0;
    socket.on("data", (data) => (bytes += data.length));
    socket.resume();
    await ended.promise;
    expect(bytes).toBeLessThan(24_000_000);
  }, 90_000);
});

describe("samples", () => {
  test("tell what the worker used, and how many tasks it performed", async () => {
    await branch.api("PUT", "/shop/instances/web/", { json: { env: null, is_enabled: true } });
    const read = async () =>
      (await branch.api<Record<string, (number | null)[]>>("GET", "/shop/instances/web/samples/")).body;
    const used = await until(
      async () => {
        const samples = await read();
        return samples["cpu"]?.at(-1) != null && samples["tasks"]?.at(-1) != null && samples;
      },
      { what: "two samples", timeoutMs: 45_000 },
    );
    expect(used["interval"] as unknown).toBe(10);
    expect(used["rss"]?.at(-1)).toBeGreaterThan(10_000_000);
    expect(used["at"]?.length).toBe(used["cpu"]?.length);
    expect((await branch.api("GET", "/shop/instances/nobody/samples/")).status).toBe(404);
  }, 60_000);
});
