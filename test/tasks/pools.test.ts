import { afterAll, beforeAll, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startEcho, type Echo } from "../harness/targets.ts";
import { must } from "../lifecycle/work.ts";
import { forEach, outcome, send } from "./work.ts";

const TASKS = 500;
const POOLS = [
  { pool: "prefork", max_concurrency: 2, min_concurrency: 2 },
  { pool: "threads", max_concurrency: 4 },
  { pool: "solo" },
];

let vhost: Vhost;
let branch: Branch;
let echo: Echo;

beforeAll(async () => {
  [vhost, echo] = await Promise.all([freshVhost(), startEcho()]);
  branch = await startBranch({ broker: vhost.url });
  await must(branch, 201, "POST", "/shop/", { stop_timeout: 5 });
  const started = POOLS.map(async (fields) => {
    await must(branch, 201, "POST", `/shop/queues/${fields.pool}/`);
    await must(branch, 201, "POST", `/shop/instances/of-${fields.pool}/`, { queues: [fields.pool], ...fields });
  });
  await Promise.all(started);
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await Promise.all([echo.stop(), vhost.drop()]);
}, 60_000);

test.each(POOLS)(
  `${TASKS} URL tasks on the pool $pool: each is done once, and all results are there`,
  async ({ pool }) => {
    const paths = Array.from({ length: TASKS }, (_, at) => `/${pool}/${at}`);
    const outcomes = await forEach(paths, 64, async (path) =>
      outcome(branch, await send(branch, echo.url + path, { place: `/shop/queue/${pool}/` })),
    );
    expect(outcomes.map(({ result }) => result?.url)).toEqual(paths.map((path) => echo.url + path));
    const asked = echo.requests.map(({ target }) => target).filter((target) => target.startsWith(`/${pool}/`));
    expect(asked.toSorted()).toEqual(paths.toSorted());
  },
  60_000,
);
