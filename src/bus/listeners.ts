import type { Log } from "../kit/log.ts";

/** Who wants to be told. One that throws does not keep the others from it. */
export class Listeners<T extends unknown[]> {
  readonly #log: Log;
  readonly #listeners = new Set<(...event: T) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Returns a function that ends it. */
  add(listener: (...event: T) => void): () => void {
    // Wrapped, so that one function given twice is two listeners.
    const own = (...event: T) => listener(...event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(...event: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(...event);
      } catch (error) {
        this.#log.error("a listener to the bus failed", { error });
      }
    }
  }
}
