import { startBranch, type Branch, type BranchOptions } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";

/** Branches of the binary on one broker that know each other; disposed of together. */
export interface Branches extends AsyncDisposable {
  readonly all: readonly Branch[];
}

/** Starts `count` branches and returns once each lists all of them. */
export async function startBranches(count: number, options: BranchOptions): Promise<Branches> {
  const started = await Promise.all(Array.from({ length: count }, () => startBranch(options)));
  await untilTogether(started);
  return {
    all: started,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((branch) => branch[Symbol.asyncDispose]()));
    },
  };
}

/** Waits until each of the branches lists exactly these. */
export async function untilTogether(branches: readonly Branch[]): Promise<void> {
  const ids = branches.map(({ id }) => id).toSorted();
  await until(
    async () => {
      const lists = await Promise.all(branches.map(async (branch) => (await branch.api("GET", "/branches/")).body));
      return (
        Bun.deepEquals(
          lists,
          branches.map(() => ids),
        ) || undefined
      );
    },
    { what: `${ids.join(", ")} to see each other`, timeoutMs: 20_000 },
  );
}
