import { unavailable } from "../domain/errors.ts";
import type { CallOptions, Parts } from "./context.ts";

/** A read waits no longer than this, and no longer than half of the caller's time: then it says what is known. */
const READ_MS = 5_000;

/** Whether the answer is to hold for all branches. */
export type Weight =
  /** It says what is known, and who may know more. */
  | "read"
  /** It is a send, for which what is known here has to do at last. */
  | "send"
  /** It changes what is so everywhere, so that it is not done without knowing what that is. */
  | "wish";

/** Has requests wait while this branch, which has just come, does not know what the others know. */
export class Hearing {
  readonly #parts: Pick<Parts, "cluster" | "clock">;

  constructor(parts: Pick<Parts, "cluster" | "clock">) {
    this.#parts = parts;
  }

  /** Whether this branch knows what there is to know, or nobody can be heard. */
  get isOver(): boolean {
    return this.#parts.cluster.arrival.isOver;
  }

  /**
   * Waits in the caller's time, also with nowait, and gives the options with what is left of it. Where that is not enough a read
   * adds all others to `silent`, and a wish rejects `unavailable`. A branch that nobody can be heard by goes on at once.
   */
  async wait(options: CallOptions, weight: Weight): Promise<CallOptions> {
    const { cluster, clock } = this.#parts;
    const { arrival } = cluster;
    if (arrival.isOver) return options;
    const { timeoutMs, silent } = options;
    const sinceMs = clock.now();
    const isOver = await arrival.until(weight === "wish" ? timeoutMs : Math.min(READ_MS, timeoutMs / 2));
    if (!isOver && weight === "wish") throw this.#tooEarly();
    if (!isOver && weight === "read") for (const id of cluster.others) silent?.add(id);
    return { ...options, timeoutMs: Math.max(0, timeoutMs - (clock.now() - sinceMs)) };
  }

  #tooEarly() {
    const { cluster } = this.#parts;
    const whom = cluster.members().flatMap(({ id }) => (id === cluster.branchId ? [] : [id]));
    const what = whom.length === 0 ? "whether there are other branches" : `what ${whom.join(", ")} know`;
    return unavailable(`This branch has just come and does not know yet ${what}: ask again`, { stored: false });
  }
}
