import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, run } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startTarget } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { Screen } from "./screen.ts";

/* What a person sees of `cyme branch` that starts and stops, on a real terminal. */

let vhost: Vhost;
let home: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-start-"));
}, 60_000);

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 60_000);

const environment = (broker: string) => ({
  PATH: process.env["PATH"] ?? "",
  TMPDIR: process.env["TMPDIR"] ?? "/tmp",
  HOME: home,
  TERM: "xterm",
  NO_COLOR: "1",
  CYME_BROKER: broker,
});

/** Ends a branch that runs in the background. */
async function stop(dir: string): Promise<void> {
  const pid = Number(await readFile(join(home, dir, "branch.pid"), "utf8"));
  process.kill(pid, "SIGTERM");
  const isThere = () => Bun.file(`/proc/${pid}/stat`).exists();
  await until(async () => !(await isThere()), { what: "the branch to end" });
}

const start = (dir: string, broker: string, ...args: string[]) =>
  new Screen([BINARY, "branch", "127.0.0.1:0", "-i", dir, "-D", join(home, dir), ...args], {
    env: environment(broker),
    cwd: home,
    columns: 200,
    rows: 100,
  });

describe("a branch on a terminal", () => {
  test("says what it waits for, below its log, then where it is reached, and at last that it stops", async () => {
    await using mute = await startTarget(() => {});
    await using screen = start("slow", `amqp://guest:guest@127.0.0.1:${mute.port}//`);
    const waits = `starting: waiting for broker amqp://127.0.0.1:${mute.port}//, bus`;
    await screen.shows(waits);
    expect(screen.lines.at(-1)).toBe(waits);
    await screen.shows(/^ready: http:\/\/127\.0\.0\.1:\d+, page http:\/\/127\.0\.0\.1:\d+\/admin\/$/m);
    expect(screen.text).not.toContain("starting: ");
    screen.type("\u0003");
    expect(await screen.ended()).toBe(0);
    expect(screen.written).toContain("stopping: waiting for");
    expect(screen.text).not.toContain("stopping: ");
    const whole = /^(\^C)?(\d{4}-\d\d-\d\d|cyme branch |  |ready: |$)/;
    expect(screen.lines.filter((line) => !whole.test(line))).toEqual([]);
  }, 60_000);

  test("says so with --detach too, and nothing of it where nobody looks", async () => {
    await using screen = start("apart", vhost.url, "--detach");
    expect(await screen.ended()).toBe(0);
    await screen.shows(
      /^cyme branch runs in the background \(pid \d+\).*\nready: http:\/\/\S+, page http:\/\/\S+\/admin\/$/m,
    );
    await stop("apart");
    expect(await readFile(join(home, "apart/branch.log"), "utf8")).not.toMatch(/ready: |starting: |stopping: /);

    const argv = [BINARY, "branch", "127.0.0.1:0", "-D", join(home, "apart"), "--detach"];
    const quiet = await run(argv, environment(vhost.url), home);
    expect(quiet).toMatchObject({ code: 0, stdout: "" });
    expect(quiet.stderr).toMatch(/^cyme branch runs in the background \(pid \d+\); it logs to .*\n$/);
    await stop("apart");
  }, 60_000);

  test("that is given up while it starts in the background ends again", async () => {
    await using mute = await startTarget(() => {});
    await using screen = start("given-up", `amqp://guest:guest@127.0.0.1:${mute.port}//`, "--detach");
    await screen.shows("starting: waiting for broker");
    const pid = Number(await readFile(join(home, "given-up/branch.pid"), "utf8"));
    screen.type("\u0003");
    expect(await screen.ended()).toBe(130);
    expect(await Bun.file(`/proc/${pid}/stat`).exists()).toBe(false);
  }, 60_000);
});
