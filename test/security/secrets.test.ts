import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "../../src/domain/access.ts";
import { routes } from "../../src/http/routes.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { makePeople, type Brought, type People } from "./people.ts";

/*
 * What those below admin are shown of what holds secrets: passwords of brokers, values of variables, users and passwords in URLs, in
 * objects as well as in errors, logs and histories; of the branch that they ask, and through it of another one.
 */

const SECRET = "s3cr3t-canary";
const URL_WITH_SECRET = `amqp://user:${SECRET}@127.0.0.1:1//`;
const NAMES = ["web", "away", "web-idle", "away-idle"];
const BELOW: readonly Role[] = ["viewer", "operator"];

let home: string;
let vhost: Vhost;
let near: Branch;
let far: Branch;
let people: People;
let uuid: string;
/** The refusals of workers that told their log what they know, as an operator sees them. */
let refusals: { status: number; body: unknown }[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-secrets-"));
  vhost = await freshVhost();
  const stub = join(home, "stub.sh");
  await writeFile(stub, '#!/bin/sh\necho "cannot reach $KEPT_URL"\nexit 1\n');
  await chmod(stub, 0o755);
  await chmod(home, 0o755);
  [near, far] = await Promise.all([startBranch({ broker: vhost.url }), startBranch({ broker: vhost.url })]);
  const isTogether = async () => (await near.api<string[]>("GET", "/branches/")).body.length === 2;
  await until(isTogether, { what: "the branches to see each other", timeoutMs: 20_000 });
  people = await makePeople(near);
  const admin = people.brings("admin", "bearer");
  const make = async (path: string, json: object, status = 201) => {
    expect([path, (await near.api("PUT", path, { json, headers: admin })).status]).toEqual([path, status]);
  };
  const env = { KEPT: SECRET, KEPT_URL: URL_WITH_SECRET };
  await make("/shop/", { env, command: stub, arguments: `--result-backend=${URL_WITH_SECRET}` });
  await make("/shop/queues/t2/", {});
  for (const [name, branch] of [["web", near.id] as const, ["away", far.id] as const]) {
    await make(`/shop/instances/${name}/`, { branch, env, command: stub, is_enabled: false });
    await make(`/shop/instances/${name}-idle/`, { branch, broker: URL_WITH_SECRET, is_enabled: false });
  }
  const operator = people.brings("operator", "bearer");
  const enable = (name: string) => near.api("POST", `/shop/instances/${name}/enable/`, { headers: operator });
  refusals = [await enable("web"), await enable("away")];
  const target = encodeURIComponent(`http://user:${SECRET}@127.0.0.1:1/x`);
  const sent = await near.api<{ uuid: string }>("GET", `/shop/queue/t2/${target}`, { headers: admin });
  expect(sent.status).toBe(202);
  uuid = sent.body.uuid;
}, 90_000);

afterAll(async () => {
  await Promise.all([near, far].map((branch) => branch[Symbol.asyncDispose]()));
  await vhost.drop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

/** All that can be read, of both branches. */
function readable(): string[] {
  const plain = routes.filter(({ methods, pattern }) => methods.includes("GET") && pattern !== "/api/events");
  return plain.flatMap(({ pattern, params }) => {
    const names = pattern.includes(":name") ? NAMES : [""];
    const branches = pattern.includes(":branch") ? [near.id, far.id] : [""];
    const known = { app: "shop", queue: "t2", uuid, user: "u-admin", token: "t-admin" };
    const values = (name: string, branch: string): Record<string, string> => ({ ...known, name, branch });
    const paths = names.flatMap((name) =>
      branches.map(
        (branch) => `${pattern.replaceAll(/:([a-z]+)/g, (_, key: string) => values(name, branch)[key] ?? "")}`,
      ),
    );
    const asked = paths.map((path) => `${path}?timeout=1`);
    return params.includes("detail") ? [...asked, ...asked.map((path) => `${path}&detail=1`)] : asked;
  });
}

const textOf = async (path: string, headers: Brought) => (await fetch(`${near.url}${path}`, { headers })).text();

test("an admin is shown what the others are not, so that there is something to hide", async () => {
  const admin = people.brings("admin", "bearer");
  const found: string[] = [];
  for (const path of readable()) if ((await textOf(path, admin)).includes(SECRET)) found.push(path.replace(/\?.*/, ""));
  expect(found).toEqual(
    expect.arrayContaining([
      "/shop",
      "/shop/instances",
      "/shop/instances/web",
      "/shop/instances/away",
      "/shop/instances/web-idle",
      "/shop/instances/away-idle",
      "/shop/instances/web/log",
      "/shop/instances/away/log",
      "/shop/instances/web/history",
      "/shop/instances/away/history",
      "/api/tasks",
      `/shop/query/${uuid}`,
    ]),
  );
});

test.each(BELOW)("nothing that a %s can read holds a secret", async (role) => {
  for (const path of readable()) {
    const text = await textOf(path, people.brings(role, "session"));
    expect([path, text.includes(SECRET)]).toEqual([path, false]);
  }
});

test("what is masked is null, and the rest is there", async () => {
  const headers = people.brings("viewer", "bearer");
  for (const name of ["web", "away"]) {
    const { body } = await near.api("GET", `/shop/instances/${name}/`, { headers });
    expect(body).toMatchObject({ name, broker: { password: null }, env: { KEPT: null, KEPT_URL: null } });
    const idle = await near.api("GET", `/shop/instances/${name}-idle/`, { headers });
    expect(idle.body).toMatchObject({ broker: { hostname: "127.0.0.1", userid: "user", password: null } });
    const log = await near.api("GET", `/shop/instances/${name}/log/`, { headers });
    expect(log.body).toContain("cannot reach amqp://127.0.0.1:1//");
  }
});

test("a worker that tells its secrets tells them to no operator in the error", () => {
  for (const { status, body } of refusals) {
    expect(status).toBe(502);
    expect(body).toMatchObject({
      error: "worker-failed",
      log: [expect.stringContaining("cannot reach amqp://127.0.0.1")],
    });
    expect(JSON.stringify(body)).not.toContain(SECRET);
  }
});

test("a change by an operator is answered without them, on either branch", async () => {
  const headers = people.brings("operator", "bearer");
  for (const name of ["web", "away"]) {
    const { status, body } = await near.api("PUT", `/shop/instances/${name}/`, { json: { stop_timeout: 3 }, headers });
    expect([status, body]).toEqual([200, expect.objectContaining({ name, stop_timeout: 3 })]);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  }
});

test("an operator cannot have a program of their own run, nor run one as somebody else or somewhere else", async () => {
  const headers = people.brings("operator", "bearer");
  const forbidden = { command: "sh", cwd: "/tmp", env: { A: "1" }, user: "nobody", broker: "amqp://127.0.0.9//" };
  for (const [parameter, value] of [...Object.entries(forbidden), ["hostname", "h"], ["password", "p"]] as const) {
    for (const path of [
      "/shop/instances/web/",
      "/shop/instances/away/",
      "/instances/away/",
      "/shop/instances/!/new/",
    ]) {
      const { status, body } = await near.api("PUT", path, { json: { [parameter]: value }, headers });
      expect([path, status, body]).toEqual([path, 403, expect.objectContaining({ parameter, wanted: "admin" })]);
      const inQuery = await near.api("PUT", path, { query: { [parameter]: JSON.stringify(value) }, headers });
      expect([path, inQuery.status]).toEqual([path, 403]);
    }
  }
});

/** Given anew to each, since what stays the same is not told. */
let age = 100;

test.each(BELOW)(
  "the events that a %s listens to hold none, from the first state to the changes that follow",
  async (role) => {
    const leaving = new AbortController();
    const headers = people.brings(role, "bearer");
    const { body } = await fetch(`${near.url}/api/events/`, { headers, signal: leaving.signal });
    const decoder = new TextDecoder();
    let text = "";
    const reading = (async () => {
      for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
    })().catch(() => {});
    await until(() => text.includes("event: ready"), { what: "the whole state" });
    const begun = text.length;
    age++;
    const operator = people.brings("operator", "bearer");
    for (const name of ["web", "away"]) {
      await near.api("PUT", `/shop/instances/${name}/`, { json: { max_age: age }, headers: operator });
      const isTold = () =>
        text.slice(begun).includes(`"max_age":${age}`) && text.slice(begun).includes(`"name":"${name}"`);
      await until(isTold, { what: `the change of ${name} to be told` });
    }
    leaving.abort();
    await reading;
    expect(text).toContain("event: app\n");
    expect(text).not.toContain(SECRET);
  },
);
