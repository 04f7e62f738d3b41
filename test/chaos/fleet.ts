import { resolve } from "node:path";
import type { Branch } from "../harness/branch.ts";
import { anyCelery, celeries } from "../harness/celery.ts";
import { must } from "../lifecycle/work.ts";

/** A worker that the chaos run wants, all the time. */
export interface Member {
  readonly name: string;
  readonly app: string;
  readonly pool: Pool;
}

type Pool = "prefork" | "solo" | "threads";

/** How many of each pool an app has: `old` with Debian's Celery, `new` with the newest, `far` by a way to the broker that fails. */
const COUNTS: Record<string, Record<Pool, number>> = {
  old: { prefork: 8, solo: 4, threads: 3 },
  new: { prefork: 4, solo: 2, threads: 2 },
  far: { prefork: 3, solo: 2, threads: 2 },
};

const PROJECT = { arguments: "-A work", cwd: resolve(import.meta.dir, "../lifecycle/project") };
/** A worker that was stopped by a signal does not heed its TERM: so long the killing waits. */
const STOP_TIMEOUT_S = 3;

export const MEMBERS: readonly Member[] = Object.entries(COUNTS).flatMap(([app, counts]) =>
  (Object.entries(counts) as [Pool, number][]).flatMap(([pool, count]) =>
    Array.from({ length: count }, (_, i) => ({ name: `${app}-${pool}-${i}`, app, pool })),
  ),
);

/** Declares all of them; `far` is the broker's URL by that way. Returns when each has answered. */
export async function addFleet(branch: Branch, far: string): Promise<void> {
  const newest = celeries().at(-1) ?? anyCelery();
  const of: Record<string, object> = { old: {}, new: { command: newest.command }, far: { broker: far } };
  for (const [app, more] of Object.entries(of)) {
    await must(branch, 201, "POST", `/${app}/`, { ...PROJECT, stop_timeout: STOP_TIMEOUT_S, ...more });
  }
  const add = ({ name, app, pool }: Member) => {
    const bounds = pool === "solo" ? {} : { max_concurrency: 2, min_concurrency: 1 };
    return must(branch, 201, "POST", `/${app}/instances/${name}/?timeout=110`, { pool, ...bounds });
  };
  await Promise.all(MEMBERS.map(add));
}
