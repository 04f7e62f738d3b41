/** The last of many ids: at least `size`, at most twice as many. */
export class Recent {
  readonly #size: number;
  #new = new Set<string>();
  #old = new Set<string>();

  constructor(size: number) {
    this.#size = size;
  }

  has(id: string): boolean {
    return this.#new.has(id) || this.#old.has(id);
  }

  /** False where it is there already. */
  add(id: string): boolean {
    if (this.has(id)) return false;
    if (this.#new.size >= this.#size) {
      this.#old = this.#new;
      this.#new = new Set();
    }
    this.#new.add(id);
    return true;
  }
}
