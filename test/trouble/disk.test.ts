import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { historyOf, instanceOf, must, pidOf, untilInstance } from "../lifecycle/work.ts";

/* A branch whose disk is full, and has room again. The disk is a small file system in memory, which only root may mount. */

const SIZE = "4m";

function mount(...args: string[]): boolean {
  return Bun.spawnSync(args, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
}

const home = await mkdtemp(join(tmpdir(), "cyme-disk-"));
const disk = join(home, "disk");
await mkdir(disk);
const isMounted = mount("mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", disk);
const ballast = join(disk, "ballast");

/** Writes until there is no room for another byte. */
function fill(): void {
  const fd = openSync(ballast, "a");
  for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) if (writeSync(fd, new Uint8Array(size)) < size) break;
    } catch {
      // Full for this size.
    }
  }
  closeSync(fd);
}

// Only root may mount, and not in every container.
describe.skipIf(!isMounted)("a branch whose disk is full", () => {
  let vhost: Vhost;
  let branch: Branch;
  const logFile = join(disk, "branch.log");
  const log = () => readFileSync(logFile, "utf8");

  interface Health {
    readonly state: string;
    readonly store: { state: string; why?: string };
  }
  const health = () => branch.api<Health>("GET", "/health/");

  beforeAll(async () => {
    vhost = await freshVhost();
    const args = ["--sup-interval", "1", "-f", logFile];
    branch = await startBranch({ broker: vhost.url, dir: join(disk, "instances"), args });
    await must(branch, 201, "PUT", "/shop/", { stop_timeout: 1 });
    await must(branch, 201, "PUT", "/shop/instances/calm/", { pool: "solo" });
    await must(branch, 201, "PUT", "/shop/instances/victim/", { pool: "solo" });
  }, 60_000);

  afterAll(async () => {
    rmSync(ballast, { force: true });
    await branch[Symbol.asyncDispose]();
    mount("umount", "-l", disk);
    await rm(home, { recursive: true, force: true });
    await vhost.drop();
  }, 60_000);

  test("refuses changes with 503, says that nothing is stored, and names the cause", async () => {
    fill();
    const refused = await until(
      async () => {
        const answer = await branch.api("POST", `/app-${crypto.randomUUID()}/`);
        return answer.status === 503 && answer;
      },
      { what: "a refusal: what was written before may have left room" },
    );
    expect(refused.body).toMatchObject({
      error: "unavailable",
      nok: expect.stringContaining("disk full"),
      stored: false,
    });
  });

  test("says so in its health, and goes on answering", async () => {
    const { status, body } = await health();
    expect([status, body.state, body.store]).toEqual([
      503,
      "failed",
      expect.objectContaining({ state: "failed", why: expect.stringContaining("disk full") }),
    ]);
    expect(await must<string[]>(branch, 200, "GET", "/")).toContain("shop");
  });

  test("leaves workers alone; one that dies is not shown as running", async () => {
    const calm = await pidOf(branch, "calm");
    process.kill(await pidOf(branch, "victim"), "SIGKILL");
    await untilInstance(branch, "victim", "seen to have died", ({ pid }) => pid === null);
    expect(alive(calm)).toBe(true);
    expect(await pidOf(branch, "calm")).toBe(calm);
  }, 30_000);

  test("loses lines of its log", async () => {
    const isLost = async () => {
      const name = `lost-${crypto.randomUUID()}`;
      return (await branch.api("POST", `/${name}/`)).status === 503 && !log().includes(name);
    };
    await until(isLost, { what: "a line that is not in the log", everyMs: 1 });
  });

  test("with room again works by itself, starts what died, and says how many lines are lost", async () => {
    const calm = await pidOf(branch, "calm");
    rmSync(ballast);
    await untilInstance(branch, "victim", "running again", ({ state }) => state === "running");
    expect((await health()).body).toMatchObject({ state: "ok", store: { state: "ok" } });
    expect(await instanceOf(branch, "victim")).toMatchObject({ restarts: 1, is_enabled: true });
    expect(await pidOf(branch, "calm")).toBe(calm);
    expect((await historyOf(branch, "calm")).map(({ did }) => did)).toEqual(["started"]);
    await must(branch, 201, "POST", "/later/");
    expect(log()).toMatch(/WARNING lines of this log are lost: they could not be written lines=\d+\n/);
  }, 60_000);

  test("has lost nothing that it said is stored", async () => {
    await branch.restart();
    expect(await must<string[]>(branch, 200, "GET", "/")).toEqual(expect.arrayContaining(["later", "shop"]));
    expect(await must<string[]>(branch, 200, "GET", "/shop/instances/")).toEqual(["calm", "victim"]);
    expect(existsSync(ballast)).toBe(false);
  }, 60_000);
});
