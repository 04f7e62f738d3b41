import { afterAll, beforeAll, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

interface Shown {
  readonly state: string;
  readonly pid: number | null;
  readonly why: string | null;
}

let vhost: Vhost;
let branch: Branch;
let wrong: string;

const shown = async (app: string, name: string) => (await branch.api<Shown>("GET", `/${app}/instances/${name}/`)).body;

beforeAll(async () => {
  vhost = await freshVhost();
  wrong = vhost.url.replace(/:[^:@/]*@/, ":n0t-the-password@");
  branch = await startBranch({ broker: vhost.url });
  await branch.api("POST", "/shop/");
  await branch.api("PUT", "/shop/instances/web/", { json: { pool: "solo" } });
});

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
});

test("a login that the broker refuses stops no worker that runs: 409, and nothing is stored", async () => {
  const { pid } = await shown("shop", "web");
  for (const path of ["/shop/", "/shop/instances/web/"]) {
    const { status, body } = await branch.api("PUT", path, { json: { broker: wrong } });
    expect([status, body]).toEqual([409, expect.objectContaining({ error: "conflict", stored: false })]);
    expect(JSON.stringify(body)).not.toContain("n0t-the-password");
  }
  expect(await shown("shop", "web")).toMatchObject({ state: "running", pid });
});

test("an instance whose broker refuses it says so, and runs as soon as that is put right", async () => {
  expect((await branch.api("PUT", "/late/", { json: { broker: wrong } })).status).toBe(201);
  const added = await branch.api("PUT", "/late/instances/adrift/", { json: { pool: "solo" } });
  expect([added.status, added.body]).toEqual([503, expect.objectContaining({ stored: true })]);
  const troubled = () => shown("late", "adrift").then(({ why }) => why?.includes("refuses the login"));
  await until(troubled, { what: "the reason to be shown" });
  const { status } = await branch.api("PUT", "/late/", { json: { broker: vhost.url } });
  expect(status).toBe(200);
  expect(await shown("late", "adrift")).toMatchObject({ state: "running", why: null });
});
