import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AMQPClient } from "@cloudamqp/amqp-client";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";

/* What Celery or the broker refuses, which nobody can know from the words alone. */

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 1 } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

interface Failed {
  readonly nok: string;
  readonly error: string;
  readonly log: string[];
  readonly stored?: boolean;
}

interface Instance {
  readonly pid: number | null;
  readonly state: string;
  readonly is_enabled: boolean;
  readonly disabled_reason: string | null;
  readonly queues: string[];
}

const instance = async (name: string) => (await branch.api<Instance>("GET", `/shop/instances/${name}/`)).body;

describe("a worker that cannot start", () => {
  const refusals: [what: string, parameters: object, words: string[]][] = [
    ["since its app is not there", { arguments: "-A no_such_project" }, ["no_such_project"]],
    ["since Celery does not know an option", { arguments: "--no-such-option" }, ["--no-such-option"]],
    ["since its command is not there", { command: "/no/such/celery" }, ["/no/such/celery"]],
    ["since its folder is not there", { cwd: "/no/such/folder" }, ["/no/such/folder"]],
    ["since its command is no Celery", { command: "sh -c 'echo out of order >&2; exit 3' --" }, ["out of order", "3"]],
  ];
  test.each(refusals)("%s: 502 with its words, and nothing is left", async (_, parameters, words) => {
    const { status, body } = await branch.api<Failed>("PUT", "/shop/instances/bad/", {
      json: { pool: "solo", ...parameters },
    });
    expect([status, body]).toEqual([502, expect.objectContaining({ error: "worker-failed", stored: false })]);
    for (const word of words) expect(body.nok).toContain(word);
    expect(body.log).toBeArray();
    expect((await branch.api("GET", "/shop/instances/bad/")).status).toBe(404);
    expect(existsSync(join(branch.dir, "bad"))).toBe(false);
    await branch.expectNoLeftovers();
  });

  test("after a change: 502, and it stays, disabled with the reason", async () => {
    await branch.api("PUT", "/shop/instances/changed/", { json: { pool: "solo", is_enabled: false } });
    const { status, body } = await branch.api<Failed>("PUT", "/shop/instances/changed/", {
      json: { is_enabled: true, command: "/no/such/celery" },
    });
    expect([status, body.error]).toEqual([502, "worker-failed"]);
    expect(body.nok).toContain("/no/such/celery");
    expect(await instance("changed")).toMatchObject({
      state: "disabled",
      is_enabled: false,
      pid: null,
      disabled_reason: expect.stringContaining("/no/such/celery"),
    });
    const history = await branch.api<{ did: string; why: string }[]>("GET", "/shop/instances/changed/history/");
    expect(history.body[0]).toMatchObject({ did: "disabled", why: expect.stringContaining("/no/such/celery") });
    await branch.expectNoLeftovers();
  });

  test("without waiting: it is there, disabled with the reason, as soon as that is known", async () => {
    const answer = await branch.api("PUT", "/shop/instances/!/hasty/", { json: { command: "/no/such/celery" } });
    expect(answer.status).toBe(202);
    const enabled = await branch.api<Failed>("POST", "/shop/instances/hasty/enable/");
    expect([enabled.status, enabled.body.error]).toEqual([502, "worker-failed"]);
    expect((await instance("hasty")).disabled_reason).toContain("/no/such/celery");
  });
});

describe("a queue that the broker has with other arguments", () => {
  let pid: number | null;

  beforeAll(async () => {
    const client = new AMQPClient(vhost.url);
    const channel = await (await client.connect()).channel();
    for (const name of ["old", "old2", "old3"]) await channel.queueDeclare(name, { durable: false, autoDelete: false });
    await client.close();
    const { body } = await branch.api<Instance>("PUT", "/shop/instances/web/", { json: { pool: "threads" } });
    pid = body.pid;
    for (const name of ["old", "old2", "fits"]) await branch.api("PUT", `/shop/queues/${name}/`);
  }, 60_000);

  const conflict = { error: "conflict", nok: expect.stringContaining("PRECONDITION_FAILED") };

  test("is refused as a consumer in the broker's words, and no worker dies of it", async () => {
    const { status, body } = await branch.api("PUT", "/shop/instances/web/queues/old/");
    expect([status, body]).toEqual([409, expect.objectContaining(conflict)]);
    expect(await instance("web")).toMatchObject({ pid, state: "running", queues: [] });
    expect((await branch.api("GET", "/shop/instances/web/queues/old/")).status).toBe(404);
  });

  test("is refused among the queues of a change, which is not stored", async () => {
    const { status, body } = await branch.api("PUT", "/shop/instances/web/", { json: { queues: ["fits", "old"] } });
    expect([status, body]).toEqual([409, expect.objectContaining(conflict)]);
    expect(await instance("web")).toMatchObject({ pid, state: "running", queues: [] });
  });

  test("is refused among the queues of a new instance, which is not stored", async () => {
    const { status, body } = await branch.api("PUT", "/shop/instances/new/", { json: { queues: "old2" } });
    expect([status, body]).toEqual([409, expect.objectContaining(conflict)]);
    expect((await branch.api("GET", "/shop/instances/new/")).status).toBe(404);
  });

  test("is refused as a change of a declaration, which stays as it was", async () => {
    await branch.api("PUT", "/shop/queues/old3/", { json: { options: { durable: false } } });
    const { status, body } = await branch.api("PUT", "/shop/queues/old3/", { json: { options: { durable: true } } });
    expect([status, body]).toEqual([409, expect.objectContaining(conflict)]);
    expect((await branch.api("GET", "/shop/queues/old3/")).body).toMatchObject({ options: { durable: false } });
  });

  test("does not keep the worker from consuming another one", async () => {
    expect((await branch.api("PUT", "/shop/instances/web/queues/fits/")).status).toBe(201);
    expect(await instance("web")).toMatchObject({ pid, queues: ["fits"] });
  });
});

describe("a queue that the broker takes, and old workers cannot", () => {
  test("is a conflict of a new instance of Celery before 5.5, which runs without", async () => {
    const options = { queue_arguments: { "x-queue-type": "quorum" } };
    await branch.api("PUT", "/shop/queues/safe/", { json: { options } });
    const json = { pool: "solo", queues: ["safe"] };
    const { status, body } = await branch.api<Failed>("PUT", "/shop/instances/quorum/", { json });
    const refusal = { error: "conflict", stored: true, nok: expect.stringContaining("quorum queues") };
    const isOld = Bun.semver.order(anyCelery().version, "5.5.0") < 0;
    expect([status, body]).toEqual(isOld ? [409, expect.objectContaining(refusal)] : [201, expect.anything()]);
    expect(await instance("quorum")).toMatchObject({ state: "running", queues: ["safe"] });
    expect((await branch.api("DELETE", "/shop/instances/quorum/")).status).toBe(200);
  });
});

describe("a broker that was just named", () => {
  test("is asked before a queue on it is changed", async () => {
    await using other = await freshVhost();
    const client = new AMQPClient(other.url);
    const channel = await (await client.connect()).channel();
    await channel.queueDeclare("old", { durable: true });
    await client.close();
    await branch.api("PUT", "/late/");
    await branch.api("PUT", "/late/queues/old/");
    // Its first use is the change: the link to it is not there yet.
    await branch.api("PUT", "/late/", { json: { broker: other.url } });
    const { status, body } = await branch.api("PUT", "/late/queues/old/", { json: { options: { durable: false } } });
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ error: "conflict", nok: expect.stringContaining("PRECONDITION_FAILED") }),
    ]);
    expect((await branch.api("GET", "/late/queues/old/")).body).toMatchObject({ options: null });
    await branch.api("DELETE", "/late/");
  });
});

describe("a queue of two apps on one broker", () => {
  beforeAll(async () => {
    await branch.api("PUT", "/one/");
    await branch.api("PUT", "/two/");
    await branch.api("PUT", "/one/queues/both/", { json: { exchange: "e", exchange_type: "topic" } });
  });

  test("is shared where both declare it alike", async () => {
    const same = { exchange: "e", exchange_type: "topic" };
    expect((await branch.api("PUT", "/two/queues/both/", { json: same })).status).toBe(201);
    expect((await branch.api("DELETE", "/two/queues/both/")).status).toBe(200);
    expect((await branch.api("GET", "/one/queues/both/")).status).toBe(200);
  });

  test("is a conflict where they differ, and nothing is stored", async () => {
    const { status, body } = await branch.api("PUT", "/two/queues/both/", { json: { exchange: "f" } });
    expect([status, body]).toEqual([
      409,
      expect.objectContaining({ error: "conflict", app: "one", nok: expect.stringContaining('"both"') }),
    ]);
    expect((await branch.api("GET", "/two/queues/")).body).toEqual([]);
  });

  test("is nobody's business on different brokers", async () => {
    await using other = await freshVhost();
    await branch.api("PUT", "/three/", { json: { broker: other.url } });
    expect((await branch.api("PUT", "/three/queues/both/", { json: { exchange: "f" } })).status).toBe(201);
    expect((await branch.api("DELETE", "/three/")).status).toBe(200);
  });

  test("is a conflict where an app would come to the broker of the other with another declaration", async () => {
    await using other = await freshVhost();
    await branch.api("PUT", "/four/", { json: { broker: other.url } });
    await branch.api("PUT", "/four/queues/both/", { json: { exchange: "f" } });
    const { status } = await branch.api("PUT", "/four/", { json: { broker: null } });
    expect(status).toBe(409);
    const broker = { virtual_host: other.vhost };
    expect((await branch.api("GET", "/four/")).body).toMatchObject({ broker });
    await branch.api("DELETE", "/four/");
  });
});
