/** A number of places, which may change. Who finds none is called back, in order, when one is free. */
export class Limiter {
  readonly #places: () => number;
  #taken = 0;
  /** By key, so that asking again does not wait twice. */
  readonly #waiting = new Map<string, () => void>();
  /** Who was called back and has not come yet. */
  readonly #called = new Set<string>();

  /** `places`: how many there are now, asked each time that one is wanted or given back; fewer drive nobody out. */
  constructor(places: () => number) {
    this.#places = places;
  }

  /** A function that gives the place back (twice does no harm), or undefined: then `wake` is called once, to ask again. */
  tryEnter(key: string, wake: () => void): (() => void) | undefined {
    this.#called.delete(key);
    if (this.#taken >= this.#places()) {
      this.#waiting.set(key, wake);
      return undefined;
    }
    this.#waiting.delete(key);
    this.#taken++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#taken--;
      this.#wakeNext();
    };
  }

  /** Says that a place is not wanted any more; who comes next is called back instead. */
  forgo(key: string): void {
    this.#waiting.delete(key);
    if (this.#called.delete(key)) this.#wakeNext();
  }

  #wakeNext(): void {
    const isRoom = () => this.#taken + this.#called.size < this.#places();
    // One in any case, who sees for himself: of those that were called before, not all may come.
    if (this.#taken < this.#places()) this.#wakeOne();
    while (this.#waiting.size > 0 && isRoom()) this.#wakeOne();
  }

  #wakeOne(): void {
    const [next] = this.#waiting;
    if (!next) return;
    const [key, wake] = next;
    this.#waiting.delete(key);
    this.#called.add(key);
    wake();
  }
}
