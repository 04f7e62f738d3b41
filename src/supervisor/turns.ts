/** Whose turn it is in a rolling restart: one instance of an app at a time. */
export class Turns {
  readonly #holders = new Map<string, string>();
  readonly #waiting = new Map<string, Map<string, () => void>>();

  /** True where the turn is this instance's now; else `wake` is called once it may be. */
  claim(app: string, instance: string, wake: () => void): boolean {
    const holder = this.#holders.get(app) ?? instance;
    if (holder === instance) {
      this.#holders.set(app, instance);
      this.#waiting.get(app)?.delete(instance);
      return true;
    }
    const waiting = this.#waiting.get(app) ?? new Map<string, () => void>();
    this.#waiting.set(app, waiting.set(instance, wake));
    return false;
  }

  isHeldBy(app: string, instance: string): boolean {
    return this.#holders.get(app) === instance;
  }

  /** Gives the turn back, where this instance has it. */
  release(app: string, instance: string): void {
    if (!this.isHeldBy(app, instance)) return;
    this.#holders.delete(app);
    const waiting = this.#waiting.get(app);
    this.#waiting.delete(app);
    for (const wake of waiting?.values() ?? []) wake();
  }
}
