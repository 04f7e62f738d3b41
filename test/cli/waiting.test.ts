import { afterAll, beforeAll, expect, test } from "bun:test";
import { BINARY, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startTarget, type Target } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { Screen } from "./screen.ts";

/* What a command that takes long shows on a real terminal, with a worker that does not stop as long as its task runs. */

let vhost: Vhost;
let branch: Branch;
let mute: Target;

beforeAll(async () => {
  vhost = await freshVhost();
  mute = await startTarget(() => {});
  branch = await startBranch({ broker: vhost.url, args: ["--webhook-allow", "127.0.0.1"] });
  await branch.api("PUT", "/shop/");
  await branch.api("PUT", "/shop/queues/orders/");
  await branch.api("PUT", "/shop/instances/web/", { json: { queues: ["orders"], stop_timeout: 600 } });
  await branch.api("GET", `/shop/queue/orders/${mute.url}/`);
  await until(() => mute.connections() > 0, { what: "the task to begin" });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await mute.stop();
  await vhost.drop();
}, 60_000);

test("shutdown-all says whom it waits for and how long, and after Ctrl-C what goes on", async () => {
  const env = { PATH: process.env["PATH"], TERM: "xterm", HOME: branch.dir, CYME_URL: branch.url };
  await using screen = new Screen([BINARY, "shutdown-all"], { env, cwd: branch.dir });
  await screen.shows(/^shutdown-all: waiting, 0 of 1 stopped, waiting for web, \d+ s$/m);
  screen.type("\u0003");
  expect(await screen.ended()).toBe(130);
  expect(screen.text).toBe("interrupted; the branch goes on with it: cyme status shows how far it is\n");
  expect((await branch.api("GET", "/instances/web/")).body).toMatchObject({ state: "stopping", is_held: true });
}, 60_000);
