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

  /** Whether others can be heard, who may know somebody where nobody is known here. */
  get isUnderWay(): boolean {
    return this.#parts.cluster.arrival.isUnderWay;
  }

  /**
   * Waits for others that can be heard, for the sake of somebody who may all since nobody is known here: in full, however little
   * time the caller has. Gives the options with what is left of it.
   */
  async waitForNobody(options: CallOptions): Promise<CallOptions> {
    const { cluster, clock } = this.#parts;
    if (!cluster.arrival.isUnderWay) return options;
    const sinceMs = clock.now();
    await cluster.arrival.until(READ_MS);
    return { ...options, timeoutMs: Math.max(0, options.timeoutMs - (clock.now() - sinceMs)) };
  }

  /**
   * Throws `unavailable` where others were not heard. Whom somebody that nobody knows makes a user here would be one everywhere
   * as soon as they are.
   */
  refuseUnsure(): void {
    if (this.#parts.cluster.arrival.isSure) return;
    const why = "The broker by which branches hear each other is away, so nobody knows whether there are users already";
    throw unavailable(`${why}: ask again once it is back, or with -L on the machine of the branch`, { stored: false });
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
