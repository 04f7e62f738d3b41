/**
 * Collects what is added in one turn of the event loop, and has it done at once: for work that costs as much for one as
 * for many, such as a transaction.
 */
export class Batch<T> {
  readonly #work: (items: readonly T[]) => void;
  #items: T[] = [];
  #done: Promise<void> | undefined;

  constructor(work: (items: readonly T[]) => void) {
    this.#work = work;
  }

  /** Resolves when the work on it is done; rejects with what the work threw. */
  add(item: T): Promise<void> {
    this.#items.push(item);
    this.#done ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const items = this.#items;
        this.#items = [];
        this.#done = undefined;
        try {
          this.#work(items);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.#done;
  }
}
