import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, run } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { bearer, type Brought } from "./people.ts";

/* An address beyond this machine: what it takes to listen there, and what it is open to. */

let home: string;
let vhost: Vhost;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-address-"));
  vhost = await freshVhost();
}, 60_000);

afterAll(async () => {
  await vhost.drop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

const env = () => ({ ...process.env, CYME_BROKER: vhost.url, XDG_CONFIG_HOME: join(home, "none") });
/** A command on the instance directory. */
const local = (name: string, ...args: string[]) =>
  run([BINARY, "-L", "-D", join(home, name), "-F", "json", ...args], env());

async function listen(name: string, ...options: string[]) {
  const log = join(home, `${name}.log`);
  const argv = [BINARY, "branch", "0.0.0.0:0", "-i", name, "-D", join(home, name), "-f", log, ...options];
  const child = Bun.spawn(argv, { env: env(), stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const listening = () => /url=http:\/\/[^ :]+:(\d+)/.exec(readFileSync(log, "utf8"))?.[1];
  const port = await until(listening, { what: "the branch to listen", timeoutMs: 20_000 });
  const ask = async (path: string, headers: Brought = {}, method = "GET") =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { method, headers })).status;
  return {
    ask,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

test("is refused to a branch that has nobody who could show who it is, with what to do", async () => {
  const { code, stderr } = await run([BINARY, "branch", "0.0.0.0:0", "-D", join(home, "none-there")], env());
  expect(code).toBe(2);
  for (const word of ["createsuperuser -L -D", "--insecure"]) expect(stderr).toContain(word);
});

test("stays closed when the last token goes while the branch listens there, but for the directory itself", async () => {
  const { token } = JSON.parse((await local("closed", "tokens.add", "root", "--role", "admin")).stdout) as {
    token: string;
  };
  await using branch = await listen("closed");
  expect(await branch.ask("/", bearer(token))).toBe(200);
  expect(await branch.ask("/")).toBe(401);
  expect(await branch.ask("/api/tokens/root/", bearer(token), "DELETE")).toBe(200);
  expect(await branch.ask("/ping/")).toBe(200);
  for (const path of ["/", "/health/", "/openapi.json", "/api/users/", "/api/session/"]) {
    expect([path, await branch.ask(path)]).toEqual([path, 401]);
    expect([path, await branch.ask(path, bearer(token))]).toEqual([path, 401]);
  }
  expect(await branch.ask("/shop/", {}, "PUT")).toBe(401);
  expect((await local("closed", "tokens.add", "again", "--role", "viewer")).code).toBe(0);
}, 30_000);

test("is open to everybody with --insecure, until there is somebody", async () => {
  await using branch = await listen("open", "--insecure");
  expect(await branch.ask("/shop/", {}, "PUT")).toBe(201);
  expect((await local("open", "tokens.add", "root", "--role", "admin")).code).toBe(0);
  expect(await branch.ask("/shop/")).toBe(401);
}, 30_000);
