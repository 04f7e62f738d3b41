import { signal } from "@preact/signals";

/** Something that is done to several things, one after another and some at a time. */
export interface Job {
  /** What is done: "Restarting 12 instances". */
  readonly title: string;
  readonly total: number;
  readonly done: number;
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  readonly is: "running" | "stopping" | "over";
}

/** What is being done, or was done last and not closed yet. */
export const job = signal<Job | null>(null);

/** A browser holds six connections to a server, and one is for what is live. */
const AT_ONCE = 4;

/** Does `work` for each; one that fails stops none of the others. Resolves to the names of those that failed. */
export async function runJob<T extends { readonly name: string }>(
  title: string,
  all: readonly T[],
  work: (one: T) => Promise<unknown>,
): Promise<readonly string[]> {
  job.value = { title, total: all.length, done: 0, failures: [], is: "running" };
  const waiting = [...all];
  const lane = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      if (job.value?.is === "stopping") return;
      await note(one.name, work(one));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  change({ is: "over" });
  return job.value?.failures.map(({ name }) => name) ?? [];
}

/** Begins no more; what is on its way is waited for. */
export const stopJob = () => change({ is: "stopping" });

export function closeJob(): void {
  job.value = null;
}

async function note(name: string, working: Promise<unknown>): Promise<void> {
  try {
    await working;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    change({ failures: [...(job.value?.failures ?? []), { name, why }] });
  }
  change({ done: (job.value?.done ?? 0) + 1 });
}

function change(changes: Partial<Job>): void {
  if (job.value) job.value = { ...job.value, ...changes };
}
