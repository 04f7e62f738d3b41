import { readdirSync, readFileSync } from "node:fs";
import type { Sample } from "./measure.ts";

const LOOK_MS = 0.2;
const GIVEN_UP_MS = 20_000;

/** Pids of the children of a process that have not been reaped, whichever of its threads made them. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = read(`/proc/${pid}/task/${thread}/children`);
    return text.split(" ").filter(Boolean).map(Number);
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // The thread has ended since it was listed.
  }
}

/**
 * Kills each victim with SIGKILL and measures, by looking as often as a processor can, how long it takes until `manager` has a
 * child that it did not have. Waits a random part of `apartMs` in between, so that no phase of a poll is met each time.
 */
export async function killToNewPid(manager: number, victims: readonly number[], apartMs: number): Promise<Sample> {
  const times: number[] = [];
  for (const victim of victims) {
    await Bun.sleep(apartMs * (0.5 + Math.random()));
    const before = new Set(childrenOf(manager));
    const beginMs = performance.now();
    process.kill(victim, "SIGKILL");
    const isNew = () => childrenOf(manager).some((pid) => !before.has(pid));
    while (!isNew()) {
      if (performance.now() - beginMs > GIVEN_UP_MS) throw new Error(`${victim} was killed and nothing was started`);
      Bun.sleepSync(LOOK_MS);
    }
    times.push(performance.now() - beginMs);
  }
  return { sortedMs: times.toSorted((a, b) => a - b) };
}
