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

/** How a worker ends that nobody killed, as far as a branch can tell that did not see it. */
const BY_ITSELF = /ended with status|is gone|while no branch was running/;

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

  /**
   * Those of the workers in a history that Celery ended by itself, for what was done around them: its log says so often that it cannot go
   * on (`unrecoverable`), and the branch did not stop them, which it would have told before.
   */
  selfEnded(history: readonly HistoryEntry[], unrecoverable: number): ReadonlySet<number> {
    const pidOf = ({ evidence }: HistoryEntry) => Number(evidence["pid"]);
    const stopped = new Set(history.filter(({ did }) => did === "stopping" || did === "killed").map(pidOf));
    const deaths = history.filter(({ did, why }) => did === "died" && BY_ITSELF.test(why));
    const own = deaths.filter((entry) => !stopped.has(pidOf(entry)) && !this.hasEnded(pidOf(entry)));
    const [excused, others] = [
      own.filter((entry) => this.#isExcused(entry)),
      own.filter((entry) => !this.#isExcused(entry)),
    ];
    return new Set([...excused, ...others.slice(0, unrecoverable)].map(pidOf));
  }

  /** Of the pids of one worker, in order: those that are no more and that neither the test nor Celery ended. */
  wronged(pids: readonly number[], selfEnded: ReadonlySet<number>): number[] {
    return pids.slice(0, -1).filter((pid) => !this.#fatal.has(pid) && !selfEnded.has(pid));
  }

  /** Ends in a history that were not injected or not for the reason that is told, and injected ones that it does not tell. */
  wrongCauses(history: readonly HistoryEntry[], pids: readonly number[], selfEnded: ReadonlySet<number>): string[] {
    const ends = new Map(
      history.filter(({ did }) => did === "died").map((entry) => [Number(entry.evidence["pid"]), entry]),
    );
    const told = [...ends].flatMap(([pid, { why }]) => {
      const fatal = this.#fatal.get(pid);
      if (fatal === undefined) return selfEnded.has(pid) ? [] : [`${pid} died though nothing was done to it: ${why}`];
      // What was found out before it was ended counts as well: the branch may have been killed in between.
      const all = history.filter(({ evidence }) => evidence["pid"] === pid).map((entry) => entry.why);
      const isTold = all.some((said) => CAUSES[fatal].test(said));
      return isTold ? [] : [`${pid} got ${fatal}, and history says: ${all.join("; ")}`];
    });
    const untold = pids.slice(0, -1).filter((pid) => this.#fatal.has(pid) && !ends.has(pid));
    return [...told, ...untold.map((pid) => `${pid} got ${this.#fatal.get(pid)}, and history does not tell its end`)];
  }

  /** Whether what the test had done explains that Celery ended. */
  #isExcused({ at, evidence }: HistoryEntry): boolean {
    if (this.#wounded.has(Number(evidence["pid"]))) return true;
    const endMs = Date.parse(at);
    const isTrouble = this.#trouble.some(({ fromMs, toMs }) => fromMs <= endMs && endMs <= toMs);
    return isTrouble && evidence["answered"] === false;
  }
}
