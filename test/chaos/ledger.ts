import type { HistoryEntry } from "../lifecycle/work.ts";

/** What was done to a worker that it cannot survive. */
export type Fatal = "SIGKILL" | "SIGTERM" | "SIGSTOP";

/** What the history may say of the end of a worker that this was done to. */
const CAUSES: Record<Fatal, RegExp> = {
  SIGKILL: /killed by SIGKILL|is gone|while no branch was running/,
  // One that is just starting is ended by it; one that waits for its broker does not heed it and is silent.
  SIGTERM: /ended with status 0|killed by SIGTERM|is gone|while no branch was running|did not answer/,
  SIGSTOP: /did not answer/,
};

/** Which processes the test ended, so that each other end is the fault of the branch, or of Celery. */
export class Ledger {
  readonly #fatal = new Map<number, Fatal>();
  readonly #counts = new Map<string, number>();

  get counts(): string {
    return [...this.#counts].map(([what, count]) => `${what} ${count}×`).join(", ");
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  ended(pid: number, how: Fatal): void {
    this.#fatal.set(pid, how);
  }

  hasEnded(pid: number): boolean {
    return this.#fatal.has(pid);
  }

  /** Of the pids of one worker, in order: those that are no more and that the test did not end. */
  wronged(pids: readonly number[]): number[] {
    return pids.slice(0, -1).filter((pid) => !this.#fatal.has(pid));
  }

  /** Ends in a history (newest first) that were not injected or not for the reason that is told, and injected ones that it does not tell. */
  wrongCauses(history: readonly HistoryEntry[], pids: readonly number[]): string[] {
    const ends = new Map(history.filter(({ did }) => did === "died").map((entry) => [entry.evidence["pid"], entry]));
    const told = [...ends].flatMap(([pid, { why }]) => {
      const fatal = this.#fatal.get(Number(pid));
      if (fatal === undefined) return [`${pid} died though nothing was done to it: ${why}`];
      return CAUSES[fatal].test(why) ? [] : [`${pid} got ${fatal}, and history says: ${why}`];
    });
    const untold = pids.slice(0, -1).filter((pid) => this.#fatal.has(pid) && !ends.has(pid));
    return [...told, ...untold.map((pid) => `${pid} got ${this.#fatal.get(pid)}, and history does not tell its end`)];
  }
}
