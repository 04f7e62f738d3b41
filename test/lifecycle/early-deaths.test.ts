import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { PROJECT, historyOf, must, pidOf, untilInstance } from "./work.ts";

/* A project that breaks under a worker that runs, as by a bad deployment, and is mended later. */

const LONG_MS = 90_000;
const RETRY_S = 3;

let vhost: Vhost;
let branch: Branch;
let project: string;

beforeAll(async () => {
  vhost = await freshVhost();
  project = mkdtempSync(join(tmpdir(), "cyme-project-"));
  cpSync(PROJECT.cwd, project, { recursive: true });
  const args = ["--restart-max-rate", "100/h", "--retry-disabled", String(RETRY_S)];
  branch = await startBranch({ broker: vhost.url, celery: anyCelery(), args });
  await must(branch, 201, "POST", "/shop/", { ...PROJECT, cwd: project });
}, LONG_MS);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  rmSync(project, { recursive: true });
  await vhost.drop();
}, LONG_MS);

const breakProject = () => writeFileSync(join(project, "work.py"), "import nothing_of_that_name\n");
const mendProject = () => cpSync(PROJECT.cwd, project, { recursive: true });

test(
  "a worker that does not come up again is in back-off with the reason from its log, and runs once its project is mended",
  async () => {
    await must(branch, 201, "POST", "/shop/instances/web/");
    breakProject();
    process.kill(await pidOf(branch, "web"), "SIGKILL");
    const waiting = await untilInstance(branch, "web", "in back-off", ({ state }) => state === "backoff", 30_000);
    expect(waiting.why).toContain("before it first answered; its log says: ");
    expect(waiting.why).toContain("nothing_of_that_name");
    mendProject();
    await untilInstance(branch, "web", "running", ({ state }) => state === "running", LONG_MS);
    const died = (await historyOf(branch, "web")).find(({ did, evidence }) => did === "died" && !evidence["answered"]);
    expect(died?.evidence["log"]).toContainEqual(expect.stringContaining("nothing_of_that_name"));
  },
  LONG_MS,
);

test(
  "one that is disabled by its own rate says when it is tried again, and is",
  async () => {
    await must(branch, 201, "POST", "/shop/instances/rare/", { restart_max_rate: "1/h" });
    breakProject();
    process.kill(await pidOf(branch, "rare"), "SIGKILL");
    const disabled = await untilInstance(branch, "rare", "disabled", ({ state }) => state === "disabled", 30_000);
    expect(disabled.disabled_reason).toMatch(/restart_max_rate 1\/h allows: .*; it is tried again at \d{4}-.*Z$/);
    mendProject();
    await untilInstance(branch, "rare", "running", ({ state }) => state === "running", LONG_MS);
    const enabled = (await historyOf(branch, "rare")).find(({ did }) => did === "enabled");
    expect(enabled?.why).toContain(`is tried again every ${RETRY_S} s`);
  },
  LONG_MS,
);
