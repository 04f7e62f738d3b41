import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { historyOf, must, pidOf, untilInstance } from "../lifecycle/work.ts";

/* A branch that may have no more files or processes than it has, and then may again. */

/** Nobody's, so that the limit counts this branch and its workers alone. */
const UID = 61_000 + Math.floor(Math.random() * 4000);
const as = (uid: number) => ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
const mayRunAs =
  process.getuid?.() === 0 && Bun.spawnSync([...as(UID), BINARY, "--version"], { stderr: "ignore" }).exitCode === 0;

let vhost: Vhost;
beforeAll(async () => {
  vhost = await freshVhost();
});
afterAll(() => vhost.drop());

/** Sets the soft limit of a running branch of user `uid`. */
function limit(branch: Branch, uid: number, what: "nofile" | "nproc", to: string): void {
  const own = uid === process.getuid?.() ? [] : as(uid);
  const argv = [...own, "prlimit", `--pid=${branch.pid}`, `--${what}=${to}`];
  const { exitCode, stderr } = Bun.spawnSync(argv, { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

async function withTwoWorkers(branch: Branch): Promise<void> {
  await must(branch, 201, "PUT", "/shop/", { stop_timeout: 1 });
  await must(branch, 201, "PUT", "/shop/instances/calm/", { pool: "solo" });
  await must(branch, 201, "PUT", "/shop/instances/victim/", { pool: "solo" });
}

interface Limited {
  readonly branch: () => Branch;
  readonly uid: number;
  readonly what: "nofile" | "nproc";
  /** Soft limits, as `prlimit` takes them: nothing can be started with the one, all with the other. */
  readonly tight: () => string;
  readonly loose: string;
  /** What is said of it. */
  readonly why: RegExp;
}

/** What is to be so while a worker cannot be started, and when it can. */
function behaves(it: Limited): void {
  const { branch: name, uid, what, tight, loose, why } = it;
  test("does not start a worker that died, says why, and answers", async () => {
    const branch = name();
    const calm = await pidOf(branch, "calm");
    limit(branch, uid, what, tight());
    process.kill(await pidOf(branch, "victim"), "SIGKILL");
    const waits = await untilInstance(branch, "victim", "waiting", ({ state }) => state === "backoff");
    expect(waits).toMatchObject({ is_enabled: true, disabled_reason: null });
    const [told] = await historyOf(branch, "victim");
    expect(told).toMatchObject({ did: "waiting", why: expect.stringMatching(why) });
    expect((await branch.api<{ state: string }>("GET", "/health/")).body.state).toBe("ok");
    expect(await pidOf(branch, "calm")).toBe(calm);
  }, 30_000);

  test("refuses a new instance with that reason", async () => {
    const answer = await name().api("PUT", "/shop/instances/new/", { json: { pool: "solo" } });
    expect([answer.status, answer.body]).toEqual([
      502,
      expect.objectContaining({ error: "worker-failed", nok: expect.stringMatching(why) }),
    ]);
  }, 30_000);

  test("starts it once it can, and has left the others alone", async () => {
    const branch = name();
    const calm = await pidOf(branch, "calm");
    limit(branch, uid, what, loose);
    await untilInstance(branch, "victim", "running again", ({ state }) => state === "running");
    expect(await pidOf(branch, "calm")).toBe(calm);
    expect((await historyOf(branch, "calm")).map(({ did }) => did)).toEqual(["started"]);
  }, 30_000);
}

describe("a branch that may open no more files", () => {
  let branch: Branch;
  beforeAll(async () => {
    branch = await startBranch({ broker: vhost.url, args: ["--sup-interval", "1"] });
    await withTwoWorkers(branch);
  }, 60_000);
  afterAll(() => branch[Symbol.asyncDispose](), 30_000);

  const openFiles = () => readdirSync(`/proc/${branch.pid}/fd`).length;
  behaves({
    branch: () => branch,
    uid: process.getuid?.() ?? 0,
    what: "nofile",
    tight: () => `${openFiles()}:`,
    loose: "1024:",
    why: /EMFILE/,
  });
});

// Only root may run as another user, and only where that one reaches the binary.
describe.skipIf(!mayRunAs)("a branch whose user may have no more processes", () => {
  let branch: Branch;
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "cyme-user-"));
    const dir = join(home, "instances");
    await mkdir(dir, { mode: 0o700 });
    await chmod(home, 0o755);
    await chown(dir, UID, UID);
    branch = await startBranch({ broker: vhost.url, dir, args: ["--sup-interval", "1"], under: as(UID) });
    await withTwoWorkers(branch);
  }, 60_000);
  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  }, 30_000);

  behaves({ branch: () => branch, uid: UID, what: "nproc", tight: () => "1:", loose: "4096:", why: /EAGAIN/ });
});
