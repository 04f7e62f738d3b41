import type { Clock } from "../kit/clock.ts";

/** Somebody may have mended the queue on the broker meanwhile. */
const AGAIN_MS = 30_000;
/** A refusal that costs the connection disturbs every worker on that broker, so it is not tried often. */
const COSTLY_AGAIN_MS = 3_600_000;

/** Queues that the broker refused to declare for one instance: its words, and when to try again. */
export class Refusals {
  readonly #clock: Clock;
  readonly #byQueue = new Map<string, { words: string; againMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether that is news: not the words that it last refused the queue with. */
  note(queue: string, { words, costsConnection }: { words: string; costsConnection: boolean }): boolean {
    const isNews = this.#byQueue.get(queue)?.words !== words;
    this.#byQueue.set(queue, { words, againMs: this.#clock.now() + (costsConnection ? COSTLY_AGAIN_MS : AGAIN_MS) });
    return isNews;
  }

  forget(queue: string): void {
    this.#byQueue.delete(queue);
  }

  forgetAll(): void {
    this.#byQueue.clear();
  }

  /** The queues that are not to be tried yet. */
  get pending(): Set<string> {
    const nowMs = this.#clock.now();
    return new Set([...this.#byQueue].filter(([, { againMs }]) => againMs > nowMs).map(([queue]) => queue));
  }

  /** The broker's words, by queue. */
  get words(): Map<string, string> {
    return new Map([...this.#byQueue].map(([queue, { words }]) => [queue, words]));
  }
}
