import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

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

const MANY = 50;
const many = <T>(work: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: MANY }, (_, at) => work(at)));

/** How often each status was answered. */
const counted = (answers: { status: number }[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe("of fifty requests at once", () => {
  test("for one app one makes it", async () => {
    expect(counted(await many(() => branch.api("PUT", "/same/")))).toEqual({ 200: MANY - 1, 201: 1 });
    expect((await branch.api("GET", "/")).body).toContain("same");
  });

  test("for one queue one makes it", async () => {
    expect(counted(await many(() => branch.api("PUT", "/shop/queues/same/")))).toEqual({ 200: MANY - 1, 201: 1 });
    expect((await branch.api("GET", "/shop/queues/")).body).toEqual(["same"]);
  });

  test("to PUT one instance one makes it, and one worker is started", async () => {
    const answers = await many(() => branch.api("PUT", "/shop/instances/same/", { json: { pool: "threads" } }));
    expect(counted(answers)).toEqual({ 200: MANY - 1, 201: 1 });
    const { body } = await branch.api<{ pid: number; restarts: number }>("GET", "/shop/instances/same/");
    expect(body.restarts).toBe(0);
    expect((await branch.workers()).filter(({ pid, session }) => pid === session).map(({ pid }) => pid)).toEqual([
      body.pid,
    ]);
  });

  test("to POST one instance one makes it, the others are conflicts", async () => {
    const json = { is_enabled: false };
    const answers = await many(() => branch.api("POST", "/shop/instances/once/", { json }));
    expect(counted(answers)).toEqual({ 201: 1, 409: MANY - 1 });
  });

  test("for unnamed instances each makes its own", async () => {
    const json = { is_enabled: false };
    const answers = await many(() => branch.api<{ name: string }>("POST", "/shop/instances/", { json }));
    expect(counted(answers)).toEqual({ 201: MANY });
    expect(new Set(answers.map(({ body }) => body.name)).size).toBe(MANY);
  });

  test("to scale one instance none is lost half", async () => {
    const path = "/shop/instances/once/autoscale/";
    const answers = await many((at) => branch.api("POST", path, { json: { max: at + 1, min: at + 1 } }));
    expect(counted(answers)).toEqual({ 200: MANY });
    const { body } = await branch.api<{ max: number; min: number }>("GET", path);
    expect(body.max).toBe(body.min);
  });

  test("to consume from fifty queues all are heard", async () => {
    await many((at) => branch.api("PUT", `/shop/queues/many${at}/`));
    const answers = await many((at) => branch.api("PUT", `/shop/instances/same/queues/many${at}/`));
    expect(counted(answers)).toEqual({ 201: MANY });
    const { body } = await branch.api<object>("GET", "/shop/instances/same/queues/");
    expect(Object.keys(body)).toHaveLength(MANY + 1);
  });

  test("to add and delete one instance each is answered as documented, and nothing is left of it", async () => {
    const path = "/shop/instances/racing/";
    const json = { command: "/no/such/celery", is_enabled: false };
    const answers = await many((at) => (at % 2 === 0 ? branch.api("PUT", path, { json }) : branch.api("DELETE", path)));
    for (const { status } of answers) expect([200, 201, 404, 409]).toContain(status);
    await until(async () => [404, 200].includes((await branch.api("DELETE", path)).status), { what: "its deletion" });
    expect((await branch.api("GET", path)).status).toBe(404);
    expect((await branch.api("PUT", path, { json })).status).toBe(201);
    expect((await branch.api("DELETE", path)).status).toBe(200);
  });

  test("to add and delete one app with what is in it each is answered as documented", async () => {
    const answers = await many((at) => {
      const [method = "", path = ""] = [
        ["PUT", "/busy/"],
        ["PUT", "/busy/queues/q/"],
        ["PUT", "/busy/instances/busy/"],
        ["DELETE", "/busy/"],
      ][at % 4] as string[];
      return branch.api(method, path, path.endsWith("/busy/instances/busy/") ? { json: { is_enabled: false } } : {});
    });
    for (const { status } of answers) expect([200, 201, 404, 409]).toContain(status);
    await until(async () => [200, 404].includes((await branch.api("DELETE", "/busy/")).status), {
      what: "its deletion",
    });
    expect((await branch.api("GET", "/busy/")).status).toBe(404);
    expect((await branch.api("GET", "/instances/busy/")).status).toBe(404);
  });
});

test("of two first starts on one fresh directory one runs, the other is told so", async () => {
  const home = await mkdtemp(join(tmpdir(), "cyme-both-"));
  const dir = join(home, "new", "instances");
  const starts = await Promise.allSettled([1, 2].map(() => startBranch({ broker: vhost.url, dir })));
  try {
    const running = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    const refused = starts.flatMap((start) => (start.status === "rejected" ? [String(start.reason)] : []));
    expect([running.length, refused]).toEqual([
      1,
      [expect.stringMatching(/ended with 3: .*A branch runs on .* already \(pid \d+\)/s)],
    ]);
    expect((await running[0]?.api("PUT", "/works/"))?.status).toBe(201);
  } finally {
    for (const start of starts) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  }
});
