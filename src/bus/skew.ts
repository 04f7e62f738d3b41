const WINDOW_MS = 60_000;

/**
 * How far the clock of another is behind ours, learnt from when its messages say that they were sent: the fastest message of
 * the last one to two minutes. So one that lay in a buffer while this process was frozen does not look fresh, and two
 * machines need not agree on the time.
 */
export class Skew {
  #bestMs = Infinity;
  #previousMs = Infinity;
  #sinceMs = -Infinity;

  /** A message came at `nowMs` (our clock) that was sent at `sentMs` (the other's). */
  heard(nowMs: number, sentMs: number): void {
    // By time and not by count: what comes at once after a freeze then cannot push out what was learnt before.
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#previousMs = this.#bestMs;
      this.#bestMs = Infinity;
      this.#sinceMs = nowMs;
    }
    this.#bestMs = Math.min(this.#bestMs, nowMs - sentMs);
  }

  /** A time of the other's clock by ours, for a message that has just come. */
  toOurs(nowMs: number, sentMs: number): number {
    return sentMs + Math.min(this.#bestMs, this.#previousMs, nowMs - sentMs);
  }
}
