import type { Broker } from "../domain/broker.ts";
import type { SentTask } from "../domain/task.ts";

/** A send that is not in the store. */
export interface UnsettledSend {
  readonly sent: SentTask;
  readonly broker: Broker;
  /**
   * Its outcome while it is on its way; `maybe` where nobody knows whether the broker took it, `taken` where it did and that
   * could not be written down yet.
   */
  readonly is: Promise<SentTask> | "maybe" | "taken";
}

const MAX_KEPT = 10_000;

/** By id, what is to be known of sends until the store knows it: so that another send under an id is told from the same again. */
export class Unsettled {
  readonly #sends = new Map<string, UnsettledSend>();

  get(id: string): UnsettledSend | undefined {
    return this.#sends.get(id);
  }

  /** The oldest that is not on its way is forgotten where there are too many. */
  set(send: UnsettledSend): void {
    this.#sends.set(send.sent.id, send);
    if (this.#sends.size <= MAX_KEPT) return;
    const oldest = this.#sends.values().find(({ is }) => typeof is === "string");
    if (oldest) this.#sends.delete(oldest.sent.id);
  }

  delete(id: string): void {
    this.#sends.delete(id);
  }

  /** Those that are to be written down. */
  taken(): UnsettledSend[] {
    return [...this.#sends.values()].filter(({ is }) => is === "taken");
  }
}
