import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* `!/` after the noun: the answer comes at once, the effect later. */

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 2 } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

interface Instance {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly queues: string[];
  readonly stop_timeout: number | null;
}

const SCHEDULED = [202, { ok: "operation scheduled" }];

const schedule = async (method: string, path: string, json?: unknown) => {
  const { status, body } = await branch.api(method, path, json === undefined ? {} : { json });
  return [status, body];
};
const look = (name: string) => branch.api<Instance>("GET", `/shop/instances/${name}/`);
const web = async () => (await look("web")).body;
const is = (state: string) =>
  until(async () => ((await web()).state === state ? web() : undefined), {
    what: `web to be ${state}`,
    timeoutMs: 30_000,
  });
const consumed = async () => Object.keys((await branch.api<object>("GET", "/shop/instances/web/queues/")).body);
const isGone = (path: string) =>
  until(async () => (await branch.api("GET", path)).status === 404, { what: `${path} to be gone`, timeoutMs: 30_000 });

describe("without waiting", () => {
  test("an app is put, changed and deleted", async () => {
    expect(await schedule("PUT", "/!/quick/", { cwd: "/tmp" })).toEqual(SCHEDULED);
    expect((await branch.api("GET", "/quick/")).body).toMatchObject({ cwd: "/tmp" });
    expect(await schedule("POST", "/!/quick/", { cwd: "/" })).toEqual(SCHEDULED);
    expect((await branch.api("GET", "/quick/")).body).toMatchObject({ cwd: "/" });
    expect(await schedule("DELETE", "/!/quick/")).toEqual(SCHEDULED);
    await isGone("/quick/");
  });

  test("a queue is put, changed and deleted", async () => {
    expect(await schedule("PUT", "/shop/queues/!/q/")).toEqual(SCHEDULED);
    expect(await schedule("PUT", "/shop/queues/!/q/", { routing_key: "k" })).toEqual(SCHEDULED);
    expect((await branch.api("GET", "/shop/queues/q/")).body).toMatchObject({ routing_key: "k" });
    expect(await schedule("DELETE", "/shop/queues/!/q/")).toEqual(SCHEDULED);
    await isGone("/shop/queues/q/");
  });

  test("an unnamed instance is put, and its name told", async () => {
    const { status, body } = await branch.api<{ ok: string; name: string }>("POST", "/shop/instances/!/", {
      json: { is_enabled: false },
    });
    expect([status, body]).toEqual([
      202,
      { ok: "operation scheduled", name: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ]);
    expect((await look(body.name)).status).toBe(200);
    expect(await schedule("DELETE", `/shop/instances/!/${body.name}/`)).toEqual(SCHEDULED);
    await isGone(`/shop/instances/${body.name}/`);
  });

  test("an instance is put, and its name told", async () => {
    const [status, body] = await schedule("PUT", "/shop/instances/!/web/", {});
    expect([status, body]).toEqual([202, { ok: "operation scheduled", name: "web" }]);
    expect(["starting", "running"]).toContain((await web()).state);
    expect((await is("running")).pid).toBeNumber();
  });

  test("an instance is changed", async () => {
    expect(await schedule("PUT", "/shop/instances/!/web/", { stop_timeout: 3 })).toEqual(SCHEDULED);
    expect((await web()).stop_timeout).toBe(3);
  });

  test("an instance is told to consume from a queue, and to stop", async () => {
    await branch.api("PUT", "/shop/queues/t2/");
    expect(await schedule("PUT", "/shop/instances/!/web/queues/t2/")).toEqual(SCHEDULED);
    expect((await web()).queues).toEqual(["t2"]);
    await until(async () => (await consumed()).includes("t2"), { what: "the worker to consume from t2" });
    expect(await schedule("DELETE", "/shop/instances/!/web/queues/t2/")).toEqual(SCHEDULED);
    expect((await web()).queues).toEqual([]);
    await until(async () => !(await consumed()).includes("t2"), { what: "the worker to leave t2" });
  });

  test("an instance is scaled", async () => {
    expect(await schedule("POST", "/shop/instances/!/web/autoscale/", { max: 3, min: 2 })).toEqual(SCHEDULED);
    expect((await branch.api("GET", "/shop/instances/web/autoscale/")).body).toEqual({ max: 3, min: 2 });
    type Stats = { autoscaler: { max: number; min: number } };
    const bounds = async () => (await branch.api<Stats>("GET", "/shop/instances/web/stats/")).body.autoscaler;
    await until(async () => (await bounds()).max === 3 && (await bounds()).min === 2, { what: "the worker's bounds" });
  });

  test("an instance is restarted", async () => {
    const { pid } = await web();
    expect(await schedule("POST", "/shop/instances/!/web/restart/")).toEqual(SCHEDULED);
    await until(async () => (await web()).pid !== pid && (await web()).state === "running", {
      what: "another process",
      timeoutMs: 30_000,
    });
  });

  test("an instance is disabled and enabled, its app not named", async () => {
    expect(await schedule("POST", "/instances/!/web/disable/")).toEqual(SCHEDULED);
    expect((await is("disabled")).pid).toBe(null);
    expect(await schedule("POST", "/instances/!/web/enable/")).toEqual(SCHEDULED);
    await is("running");
  });

  test("a consumer of a queue that is deleted goes too", async () => {
    await branch.api("PUT", "/shop/queues/t3/");
    await branch.api("PUT", "/shop/instances/web/queues/t3/");
    expect(await schedule("DELETE", "/shop/queues/!/t3/")).toEqual(SCHEDULED);
    await until(async () => !(await consumed()).includes("t3"), { what: "the worker to leave t3" });
  });

  test("an app is deleted with the worker that runs in it", async () => {
    expect(await schedule("DELETE", "/!/shop/")).toEqual(SCHEDULED);
    expect((await branch.api("GET", "/shop/")).status).toBe(404);
    await until(async () => (await branch.workers()).length === 0, { what: "the worker to end", timeoutMs: 30_000 });
    await until(async () => (await branch.api("PUT", "/shop/")).status === 201, { what: "the name to be free" });
  });
});
