/** A number of places. Who finds none is called back, in order, when one is free. */
export class Limiter {
  #free: number;
  /** By key, so that asking again does not wait twice. */
  readonly #waiting = new Map<string, () => void>();
  /** Who was called back and has not come yet. */
  readonly #called = new Set<string>();

  constructor(size: number) {
    this.#free = size;
  }

  /** A function that gives the place back (twice does no harm), or undefined: then `wake` is called once, to ask again. */
  tryEnter(key: string, wake: () => void): (() => void) | undefined {
    this.#called.delete(key);
    if (this.#free === 0) {
      this.#waiting.set(key, wake);
      return undefined;
    }
    this.#waiting.delete(key);
    this.#free--;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free++;
      this.#wakeNext();
    };
  }

  /** Says that a place is not wanted any more; who comes next is called back instead. */
  forgo(key: string): void {
    this.#waiting.delete(key);
    if (this.#called.delete(key) && this.#free > 0) this.#wakeNext();
  }

  #wakeNext(): void {
    const [next] = this.#waiting;
    if (!next) return;
    const [key, wake] = next;
    this.#waiting.delete(key);
    this.#called.add(key);
    wake();
  }
}
