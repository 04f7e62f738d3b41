import { afterAll, beforeAll, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { historyOf, must, pidOf, untilInstance } from "./work.ts";

const LONG_MS = 120_000;

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, celery: anyCelery(), args: ["--restart-max-rate", "1/h"] });
  await must(branch, 201, "POST", "/shop/");
}, LONG_MS);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, LONG_MS);

test(
  "a worker whose processes use more than max_memory is replaced in three looks, one with room is not",
  async () => {
    await must(branch, 201, "POST", "/shop/instances/tight/", { max_memory: "2M" });
    await must(branch, 201, "POST", "/shop/instances/roomy/", { max_memory: "2G" });
    const before = { tight: await pidOf(branch, "tight"), roomy: await pidOf(branch, "roomy") };
    const decided = async () => (await historyOf(branch, "tight")).find(({ did }) => did === "recycling");
    const { evidence } = await until(decided, { what: "the worker to be replaced", timeoutMs: 60_000, everyMs: 500 });
    expect(evidence).toMatchObject({ pid: before.tight, max_memory: 2 * 2 ** 20 });
    const used = evidence["used"] as number[];
    expect(used).toHaveLength(3);
    // Celery and Python alone, of which main process and child share the most.
    for (const bytes of used) expect(bytes).toBeWithin(10 * 2 ** 20, 500 * 2 ** 20);
    const isNew = (pid: number | null) => pid !== null && pid !== before.tight;
    await untilInstance(
      branch,
      "tight",
      "new",
      (one) => one.state === "running" && isNew(one.pid) && one.standin_pid === null,
      60_000,
    );
    expect((await historyOf(branch, "tight")).map(({ did }) => did)).not.toContain("died");
    expect(await pidOf(branch, "roomy")).toBe(before.roomy);
  },
  LONG_MS,
);
