import type { ProcessId } from "../kit/processes.ts";
import type { Parts } from "./parts.ts";

/** How soon the end of a process is seen that cannot be watched. */
const LOOK_MS = 250;

/** Workers that are no children of this branch: their ends are not told, but watched for and, where that cannot be, looked for. */
export class Adopted {
  readonly #parts: Pick<Parts, "processes" | "clock">;
  readonly #onEnded: (instance: string) => void;
  readonly #watched = new Map<string, { readonly id: ProcessId; readonly unwatch: (() => void) | undefined }>();
  #cancelLook: (() => void) | undefined;

  constructor(parts: Pick<Parts, "processes" | "clock">, onEnded: (instance: string) => void) {
    this.#parts = parts;
    this.#onEnded = onEnded;
  }

  add(instance: string, id: ProcessId): void {
    this.remove(instance);
    this.#watched.set(instance, { id, unwatch: this.#parts.processes.watchExit(id, () => this.#ended(instance)) });
    if (!this.#cancelLook) this.#lookSoon();
  }

  remove(instance: string): void {
    this.#watched.get(instance)?.unwatch?.();
    this.#watched.delete(instance);
  }

  /** Ends the watching; the processes stay. */
  stop(): void {
    this.#cancelLook?.();
    for (const instance of this.#watched.keys()) this.remove(instance);
  }

  #ended(instance: string): void {
    this.remove(instance);
    this.#onEnded(instance);
  }

  /** Also at those that are watched, since it costs little. */
  #lookSoon(): void {
    this.#cancelLook = this.#parts.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      for (const [instance, { id }] of this.#watched) {
        if (!this.#parts.processes.isAlive(id)) this.#ended(instance);
      }
      if (this.#watched.size > 0) this.#lookSoon();
    });
  }
}
