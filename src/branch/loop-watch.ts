import type { LoopLag } from "../controller/health.ts";
import type { Log } from "../kit/log.ts";

/** What both threads count, each for the other to see. */
export class Beats {
  readonly #counts: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#counts = new Int32Array(shared);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Of the event loop. */
  get turns(): number {
    return Atomics.load(this.#counts, 0);
  }

  turn(): void {
    Atomics.add(this.#counts, 0, 1);
  }

  /** Of the thread. */
  get looks(): number {
    return Atomics.load(this.#counts, 1);
  }

  look(): void {
    Atomics.add(this.#counts, 1, 1);
  }
}

/** What the thread is told once. */
export interface ThreadTask {
  readonly shared: SharedArrayBuffer;
  readonly everyMs: number;
  /** After so many looks at a loop that did not turn the thread ends the process, with status 1. */
  readonly givenUpLooks: number;
  /** Where its last words go; standard error where null. */
  readonly logFile: string | null;
}

export interface LoopWatchOptions {
  readonly log: Log;
  readonly logFile: string | undefined;
  readonly everyMs?: number;
  readonly givenUpLooks?: number;
}

const LOOK_MS = 1000;
/** 600 s. */
const GIVEN_UP_LOOKS = 600;
/** A loop that is held up for so many looks is told of. */
const TOLD_LOOKS = 1;

/** In the compiled program modules have other places than in the source. */
const THREAD = Bun.isStandaloneExecutable
  ? "file:///$bunfs/root/branch/loop-thread.js"
  : new URL("./loop-thread.ts", import.meta.url).href;

/**
 * Measures how late the event loop is, and has a thread watch that it turns at all: one that does not for 600 s ends the
 * process.
 */
export class LoopWatch {
  readonly #log: Log;
  readonly #everyMs: number;
  readonly #task: ThreadTask;
  readonly #beats: Beats;
  #thread: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lag: LoopLag = { lagMs: 0, held: null };

  constructor({ log, logFile, everyMs = LOOK_MS, givenUpLooks = GIVEN_UP_LOOKS }: LoopWatchOptions) {
    const shared = Beats.allocate();
    this.#log = log;
    this.#everyMs = everyMs;
    this.#beats = new Beats(shared);
    this.#task = { shared, everyMs, givenUpLooks, logFile: logFile ?? null };
  }

  get lag(): LoopLag {
    return this.#lag;
  }

  start(): void {
    this.#thread = this.#startThread();
    let lastMs = performance.now();
    let looks = this.#beats.looks;
    this.#timer = setInterval(() => {
      const [before, beforeMs] = [looks, lastMs];
      [looks, lastMs] = [this.#beats.looks, performance.now()];
      this.#beats.turn();
      this.#measured(lastMs - beforeMs, looks - before);
    }, this.#everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#thread?.terminate();
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD, { smol: true });
    thread.addEventListener("error", ({ message }) => {
      this.#log.error("nobody watches over the event loop: the thread for that has failed", { why: message });
    });
    thread.unref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows, not for threads.
    thread.postMessage(this.#task);
    return thread;
  }

  #measured(elapsedMs: number, looks: number): void {
    const lagMs = Math.max(0, Math.round(elapsedMs - this.#everyMs));
    const isLate = lagMs > TOLD_LOOKS * this.#everyMs;
    // Where the thread did not run either, nothing did: the machine or this process was paused.
    const isPause = looks * this.#everyMs < elapsedMs / 2;
    const wasHeld = isLate && !isPause;
    this.#lag = {
      lagMs: isPause ? 0 : lagMs,
      held: wasHeld ? { atMs: Date.now(), forMs: lagMs } : this.#lag.held,
    };
    if (wasHeld) this.#log.warning("the event loop was held up", { ms: lagMs });
    else if (isLate) this.#log.info("this process did not run for a while: was the machine paused?", { ms: lagMs });
  }
}
