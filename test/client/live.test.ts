import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client } from "cyme";
import { copyFile, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { blocksOf } from "../docs/markdown.ts";
import { compare } from "../docs/shape.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { makeAuthority, type Authority } from "../security/certificates.ts";
import { startCutting, type Moment } from "./cutting.ts";
import { placePackage, RUNTIMES, type Project } from "./package.ts";
import { shownBy, walkOf, type Walk } from "./walk.ts";

/* A real branch: docs/client.md as one program, with the package as its users get it, and answers that get lost. */

const ROOT = resolve(import.meta.dir, "../..");

let project: Project;
let vhost: Vhost;
let branch: Branch;
let site: Bun.Server<undefined>;
let secure: Bun.Server<undefined>;
let walk: Walk;

beforeAll(async () => {
  [project, vhost] = await Promise.all([placePackage(), freshVhost()]);
  branch = await startBranch({ broker: vhost.url });
  site = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: importUser });
  secure = await serveSecurely(await makeAuthority(project.folder, "ca"));
  const blocks = blocksOf(await readFile(join(ROOT, "docs/client.md"), "utf8"));
  walk = walkOf(
    blocks,
    new Map([
      ["https://machine1:8000", secure.url.origin],
      ["http://127.0.0.1:8000", branch.url],
      ["http://127.0.0.1:8080", site.url.origin],
      ["amqp://guest:guest@127.0.0.1:5672//", vhost.url],
      ["/srv/shop-branch", branch.dir],
      ["/srv/cyme", ROOT],
      ["machine1", branch.id],
    ]),
  );
}, 60_000);

afterAll(async () => {
  await Promise.all([site.stop(true), secure.stop(true)]);
  await branch[Symbol.asyncDispose]();
  await Promise.all([vhost.drop(), project[Symbol.asyncDispose]()]);
}, 60_000);

async function importUser(request: Request): Promise<Response> {
  const user = new URLSearchParams(await request.text()).get("username");
  return new Response(`Imported ${user}\n`, { headers: { "Content-Type": "text/plain" } });
}

/** The branch behind TLS, for those who have a certificate. */
async function serveSecurely(authority: Authority): Promise<Bun.Server<undefined>> {
  const [server, me] = await Promise.all([authority.sign("server"), authority.sign("me")]);
  await copyFile(me.cert, join(project.folder, "me.pem"));
  await copyFile(me.key, join(project.folder, "me.key"));
  const [cert, key, ca] = await Promise.all(
    [server.cert, server.key, authority.ca].map((path) => readFile(path, "utf8")),
  );
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key, ca, requestCert: true, rejectUnauthorized: true },
    fetch({ url, method, headers, body }) {
      const { pathname, search } = new URL(url);
      return fetch(`${branch.url}${pathname}${search}`, { method, headers, body });
    },
  });
}

test("docs/client.md shows what its lines give", () => {
  expect(walk.claims.length).toBeGreaterThan(40);
});

test("the program of docs/client.md is one for the type checker", async () => {
  const nodeTypes = { types: ["node"], typeRoots: [join(ROOT, "node_modules/@types")] };
  expect(await project.check("walk", walk.source, nodeTypes)).toBe("");
}, 30_000);

describe.each(RUNTIMES)("on %s", (_, runtime) => {
  test("the program of docs/client.md gives what the document says", async () => {
    const { code, stdout, stderr } = await project.run(runtime, "walk", walk.printing);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const shown = shownBy(stdout);
    const differences = walk.claims.map(({ line, expected }) => ({
      line,
      difference: compare(expected, shown.get(line) ?? "").difference,
    }));
    expect(differences.filter(({ difference }) => difference !== "")).toEqual([]);
    await branch.expectNoLeftovers();
  }, 60_000);
});

describe.each<Moment>(["asked", "answered"])("where the connection is lost when the branch has been %s", (moment) => {
  test("what is the same when it is done twice is done once, and said to be done", async () => {
    await using cutting = await startCutting(branch.url);
    const client = new Client(cutting.url);
    const cut = async <T>(call: () => Promise<T>) => {
      cutting.cutNext(moment);
      return call();
    };
    const app = await cut(() => client.add(`lost-${moment}`));
    const orders = await cut(() => app.queues.add("orders"));
    const one = await cut(() => app.instances.add(undefined, { pool: "solo" }));
    await cut(() => one.consumers.add(orders));
    expect(await cut(() => app.instances.names())).toEqual([one.name]);
    const task = await cut(() =>
      app.tasks.send(orders, `${site.url}import_user`, { method: "POST", data: "username=Ann" }),
    );
    expect(await cut(() => task.wait())).toMatchObject({ result: { content: "Imported Ann\n" } });
    expect((await app.tasks).map(({ uuid }) => uuid)).toContain(task.uuid);
    const did = (await one.history()).map((entry) => entry.did);
    expect(did.filter((what) => what === "started")).toHaveLength(1);
    expect(await cut(() => one.delete())).toEqual({ ok: "ok" });
    expect(await cut(() => app.delete())).toEqual({ ok: "ok" });
    expect(await client.apps).not.toContain(app.name);
    expect(cutting.requests()).toBeGreaterThan(17);
    // Of what was deleted the worker may still be ending when it is asked for again.
    await until(async () => (await branch.workers()).length === 0, { what: "the worker to end" });
  }, 60_000);
});
