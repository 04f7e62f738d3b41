import type { HistoryEntry } from "../lifecycle/work.ts";

/** What was done to a worker that it cannot survive. */
export type Fatal = "SIGKILL" | "SIGTERM" | "SIGSTOP";

/** What the history may say of the end of a worker that this was done to. */
const CAUSES: Record<Fatal, RegExp> = {
  SIGKILL: /killed by SIGKILL|is gone|while no branch was running/,
  // One that is just starting is ended by it; one that waits for its broker does not heed it and is silent.
  SIGTERM: /ended with status 0|killed by SIGTERM|is gone|while no branch was running|no answer for/,
  SIGSTOP: /no answer for/,
};

/** Which processes the test ended, so that each other end is the fault of the branch, or of Celery. */
export class Ledger {
  readonly #fatal = new Map<number, Fatal>();
  readonly #wounded = new Set<number>();
  readonly #trouble: { readonly fromMs: number; readonly toMs: number }[] = [];
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

  /** A process of its pool was killed, which Celery does not survive while it starts. */
  wounded(pid: number): void {
    this.#wounded.add(pid);
  }

  /** A time in which Celery cannot start, for want of a disk to write to, and ends by itself. */
  troubled(fromMs: number, toMs: number): void {
    this.#trouble.push({ fromMs, toMs });
  }

  /** Of the pids of one worker, in order: those that are no more and that neither the test nor they themselves ended. */
  wronged(pids: readonly number[], history: readonly HistoryEntry[]): number[] {
    const excused = new Set(history.filter((entry) => this.#isExcused(entry)).map(({ evidence }) => evidence["pid"]));
    return pids.slice(0, -1).filter((pid) => !this.#fatal.has(pid) && !excused.has(pid));
  }

  /** Ends in a history that were not injected or not for the reason that is told, and injected ones that it does not tell. */
  wrongCauses(history: readonly HistoryEntry[], pids: readonly number[]): string[] {
    const deaths = history.filter((entry) => entry.did === "died" && !this.#isExcused(entry));
    const ends = new Map(deaths.map((entry) => [entry.evidence["pid"], entry]));
    const told = [...ends].flatMap(([pid, { why }]) => {
      const fatal = this.#fatal.get(Number(pid));
      if (fatal === undefined) return [`${pid} died though nothing was done to it: ${why}`];
      // What was found out before it was ended counts as well: the branch may have been killed in between.
      const all = history.filter(({ evidence }) => evidence["pid"] === pid).map((entry) => entry.why);
      return all.some((said) => CAUSES[fatal].test(said))
        ? []
        : [`${pid} got ${fatal}, and history says: ${all.join("; ")}`];
    });
    const untold = pids.slice(0, -1).filter((pid) => this.#fatal.has(pid) && !ends.has(pid));
    return [...told, ...untold.map((pid) => `${pid} got ${this.#fatal.get(pid)}, and history does not tell its end`)];
  }

  /** Whether Celery ended by itself, for what the test had done. */
  #isExcused({ at, evidence, why }: HistoryEntry): boolean {
    const pid = Number(evidence["pid"]);
    if (this.hasEnded(pid) || !/ended with status|is gone|while no branch was running/.test(why)) return false;
    if (this.#wounded.has(pid)) return true;
    const endMs = Date.parse(at);
    const isTrouble = this.#trouble.some(({ fromMs, toMs }) => fromMs <= endMs && endMs <= toMs);
    return isTrouble && evidence["answered"] === false;
  }
}
