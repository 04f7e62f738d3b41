import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BINARY, run, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startEcho } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { startBranches, type Branches } from "./three.ts";

interface InstanceAnswer {
  readonly name: string;
  readonly branch: string;
  readonly state: string;
}

let vhost: Vhost;
let branches: Branches;

beforeAll(async () => {
  vhost = await freshVhost();
  branches = await startBranches(3, { broker: vhost.url });
  const [first] = branches.all;
  await first?.api("PUT", "/shop/");
  await first?.api("PUT", "/shop/queues/orders/");
});

afterAll(async () => {
  await branches?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

function three(): [Branch, Branch, Branch] {
  const [a, b, c] = branches.all;
  if (!a || !b || !c) throw new Error("three branches were started");
  return [a, b, c];
}

describe("three branches with workers", () => {
  test("know the app and the queue that one of them was told of", async () => {
    for (const branch of three()) {
      expect((await branch.api("GET", "/")).body).toEqual(["shop"]);
      expect((await branch.api("GET", "/shop/queues/")).body).toEqual(["orders"]);
    }
  });

  test("do everything to an instance through a branch that does not own it", async () => {
    const [a, b, c] = three();
    const added = await a.api<InstanceAnswer>("POST", "/shop/instances/web/", { query: { branch: b.id } });
    expect([added.status, added.body.branch, added.body.state]).toEqual([201, b.id, "running"]);
    expect((await b.workers()).length).toBeGreaterThan(0);
    expect((await c.api("GET", "/shop/instances/")).body).toEqual(["web"]);
    const consumer = "/shop/instances/web/queues/orders/";
    expect((await c.api("PUT", consumer)).status).toBe(201);
    expect((await a.api("GET", consumer)).body).toMatchObject({ name: "orders" });
    expect((await a.api<object>("GET", "/shop/instances/web/stats/")).body).toHaveProperty("pool");
    expect((await c.api("POST", "/shop/instances/web/autoscale/", { form: { max: "2" } })).body).toEqual({
      max: 2,
      min: 1,
    });
    expect((await a.api("GET", "/shop/instances/web/log/")).body).toContain("ready");
    expect((await c.api<unknown[]>("GET", "/shop/instances/web/history/")).body.length).toBeGreaterThan(0);
    expect((await a.api("DELETE", consumer)).status).toBe(200);
    for (const verb of ["restart", "disable", "enable"]) {
      expect((await c.api("POST", `/shop/instances/web/${verb}/`)).body).toEqual({ ok: "ok" });
    }
    expect((await a.api("DELETE", "/shop/instances/web/")).status).toBe(200);
    await b.expectNoLeftovers();
  });

  test("show the same to curl and to the command line, whichever is asked", async () => {
    const [a, b, c] = three();
    expect((await a.api("POST", "/shop/instances/x/", { query: { branch: c.id } })).status).toBe(201);
    const lists = await Promise.all([a, b, c].map((branch) => branch.cli("-a", "shop", "instances", "-F", "json")));
    expect(lists.map(({ code, stdout }) => [code, stdout])).toEqual([a, b, c].map(() => [0, '["x"]\n']));
    const shown = await Promise.all([a, b, c].map((branch) => branch.api("GET", "/shop/instances/x/")));
    for (const { body } of shown) expect(body).toMatchObject({ name: "x", branch: c.id, state: "running" });
    expect((await b.cli("-a", "shop", "instances.delete", "x")).code).toBe(0);
    await c.expectNoLeftovers();
  });

  test("follow the log of a worker on another branch", async () => {
    const [a, b] = three();
    await a.api("POST", "/shop/instances/web/", { query: { branch: b.id } });
    const leaving = new AbortController();
    const response = await fetch(`${a.url}/shop/instances/web/log/?follow=1&lines=1`, { signal: leaving.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const reading = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += new TextDecoder().decode(part.value);
      }
    })().catch(() => {});
    await a.api("PUT", "/shop/queues/followed/");
    await a.api("PUT", "/shop/instances/web/queues/followed/");
    await a.api("POST", "/shop/instances/web/restart/");
    await until(() => text.includes("ready"), { what: "the new worker's words in the log" });
    leaving.abort();
    await reading;
    await a.api("DELETE", "/shop/instances/web/");
  });

  test("know of a task on each, whichever sent it", async () => {
    const [a, b, c] = three();
    await using echo = await startEcho();
    const sent = await a.api<{ uuid: string }>("GET", `/shop/queue/orders/${echo.url}/`);
    expect(sent.status).toBe(202);
    const { uuid } = sent.body;
    for (const branch of [b, c]) {
      expect((await branch.api("GET", `/shop/query/${uuid}/`)).body).toMatchObject({ uuid, queue: "orders" });
    }
    await a.api("POST", "/shop/instances/web/", { query: { branch: b.id }, json: { queues: ["orders"] } });
    const done = await c.api<{ result: { status_code: number } }>("GET", `/shop/query/${uuid}/wait/`);
    expect([done.status, done.body.result.status_code]).toEqual([200, 200]);
    const headers = { "x-cyme-task": crypto.randomUUID() };
    for (const branch of [a, b, c]) {
      expect((await branch.api("GET", `/shop/queue/orders/${echo.url}/once`, { headers })).status).toBe(202);
    }
    await until(
      async () =>
        (await c.api<{ state: string }>("GET", `/shop/query/${headers["x-cyme-task"]}/state/`)).body.state ===
        "SUCCESS",
      {
        what: "the task to be done",
      },
    );
    await a.api("DELETE", "/shop/instances/web/");
  });
});

describe("a branch", () => {
  test("that is frozen is named in lists, and its instances say so; it does nothing twice when it wakes", async () => {
    const [a, b, c] = three();
    await a.api("POST", "/shop/instances/w/", { query: { branch: c.id } });
    await a.api("POST", "/shop/instances/v/", { query: { branch: b.id } });
    process.kill(c.pid, "SIGSTOP");
    try {
      const list = await a.api("GET", "/shop/instances/", { query: { timeout: "2" } });
      expect([list.status, list.body, list.headers.get("x-cyme-silent")]).toEqual([200, ["v"], c.id]);
      const restart = await b.api<{ error: string; branch: string }>("POST", "/shop/instances/w/restart/", {
        query: { timeout: "1" },
      });
      expect([408, 503]).toContain(restart.status);
      expect(restart.body.branch).toBe(c.id);
    } finally {
      process.kill(c.pid, "SIGCONT");
    }
    await until(async () => (await a.api<string[]>("GET", "/shop/instances/")).body.length === 2, {
      what: "it to be back",
    });
    const history = await a.api<{ did: string }[]>("GET", "/shop/instances/w/history/");
    expect(history.body.filter(({ did }) => did.startsWith("start"))).toHaveLength(1);
    for (const name of ["w", "v"]) await b.api("DELETE", `/shop/instances/${name}/`);
  });

  test("that is killed keeps its names, and is whole again when it is back", async () => {
    const [a, , c] = three();
    await a.api("POST", "/shop/instances/w/", { query: { branch: c.id } });
    await c.stop("SIGKILL");
    await until(async () => (await a.api<string[]>("GET", "/branches/")).body.length === 2, {
      what: "it to be missed",
    });
    expect((await a.api("GET", "/shop/instances/w/")).status).toBe(503);
    expect((await a.api("POST", "/shop/instances/w/")).status).toBe(409);
    await c.restart();
    await until(async () => (await a.api("GET", "/shop/instances/w/")).status === 200, { what: "it to be back" });
    expect((await a.api("DELETE", "/shop/instances/w/")).status).toBe(200);
  });

  test("is shut down through another", async () => {
    const [a, , c] = three();
    expect((await a.cli("branches.shutdown", c.id)).code).toBe(0);
    await until(async () => (await a.api<string[]>("GET", "/branches/")).body.length === 2, { what: "it to be gone" });
    await c.restart();
  });

  test("with an id that is in use is refused with a clear message", async () => {
    const [a] = three();
    const dir = `${a.dir}-second`;
    const ran = await run([BINARY, "branch", "127.0.0.1:0", "-i", a.id, "-D", dir], {
      ...process.env,
      CYME_BROKER: vhost.url,
    });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain(`another branch of that id runs`);
    const detached = await run([BINARY, "branch", "127.0.0.1:0", "-i", a.id, "-D", dir, "--detach"], {
      ...process.env,
      CYME_BROKER: vhost.url,
    });
    expect(detached.code).toBe(3);
    expect(detached.stderr).toContain(`another branch of that id runs`);
    expect(await Bun.file(`${dir}/branch.log`).text()).toContain("another branch of that id runs");
    expect((await a.api("GET", "/ping/")).status).toBe(200);
  });

  test("is listed and shown without any daemon, by asking the bus", async () => {
    const [a, b, c] = three();
    const cyme = (...args: string[]) =>
      run([BINARY, "-b", vhost.url, "-L", "-D", `${a.dir}-none`, "-F", "json", ...args], {});
    expect(await cyme("branches")).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify([a, b, c].map(({ id }) => id).toSorted())}\n`,
    });
    expect(JSON.parse((await cyme("branches.get", b.id)).stdout)).toMatchObject({ id: b.id, url: b.url });
    expect((await cyme("branches.get", "nobody")).code).toBe(3);
    // Who asked was no branch.
    expect((await a.api<string[]>("GET", "/branches/")).body).toHaveLength(3);
    expect((await a.api("GET", "/shop/instances/")).headers.get("x-cyme-silent")).toBeNull();
  });

  test("is moved away from, while the worker on the new one starts first", async () => {
    const [a, b, c] = three();
    await a.api("POST", "/shop/instances/web/", { query: { branch: b.id }, json: { queues: ["orders"] } });
    expect((await a.cli("-a", "shop", "instances.move", "web", c.id)).code).toBe(0);
    await b.expectNoLeftovers();
    const moved = await b.api("GET", "/shop/instances/web/");
    expect(moved.body).toMatchObject({ branch: c.id, state: "running", queues: ["orders"] });
    expect((await b.api("GET", "/shop/instances/web/queues/")).body).toHaveProperty(["dq.web"]);
    await a.api("DELETE", "/shop/instances/web/");
  });

  test("is worked on alone with -L, also while its daemon runs", async () => {
    const [a, b] = three();
    const local = (...args: string[]) => run([BINARY, "-L", "-D", a.dir, "-a", "shop", "-F", "json", ...args], {});
    await a.api("POST", "/shop/instances/x/", { query: { branch: b.id } });
    expect(await local("instances")).toMatchObject({ code: 0, stdout: "[]\n", stderr: "" });
    expect((await local("instances.get", "x")).code).toBe(3);
    expect(await local("instances.add", "x")).toMatchObject({ code: 3, stderr: expect.stringContaining(b.id) });
    expect((await local("instances.add", "y")).code).toBe(0);
    expect((await b.api("GET", "/shop/instances/y/")).body).toMatchObject({ branch: a.id });
    for (const name of ["x", "y"]) await b.api("DELETE", `/shop/instances/${name}/`);
  });
});
