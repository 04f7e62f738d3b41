import type { Broker } from "../domain/broker.ts";
import { isReady, type Task, type TaskReport } from "../domain/task.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Store } from "../store/store.ts";

/** Results kept at most, whatever their age. */
const MAX_TASKS = 1_000_000;
const MAX_BYTES = 1024 ** 3;
const PRUNE_EVERY_MS = 60_000;
/** Between two steps of dropping many rows, for everything else to go on. */
const STEP_MS = 20;

/** The connections that results come by. */
interface OpenBrokers {
  use(broker: Broker): unknown;
  /** Closes those to all other brokers that nothing is being sent to. */
  keepOnly(brokers: readonly Broker[]): void;
}

export interface ResultsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** How long what is known of a task is kept after it last changed. */
  readonly keptMs: number;
  readonly limits?: { readonly tasks: number; readonly bytes: number };
}

/** What is heard of tasks: kept for a time, and told to who waits for it. */
export class Results {
  readonly #options: ResultsOptions;
  readonly #limits: { readonly tasks: number; readonly bytes: number };
  /** By the id of the task. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #brokers: OpenBrokers | undefined;
  #cancelPrune = () => {};
  /** How many are too many, and how many bytes too much, as counted last. */
  #excess = { tasks: 0, bytes: 0 };
  #isStopped = false;
  #prunes = 0;

  constructor(options: ResultsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? { tasks: MAX_TASKS, bytes: MAX_BYTES };
  }

  /** Listens on all brokers where results may be waiting; drops what is too old or too much, now and then. */
  start(brokers: OpenBrokers): void {
    this.#brokers = brokers;
    for (const broker of this.#options.store.tasks.brokersInUse()) brokers.use(broker);
    this.#prune();
  }

  /** Ends all waits. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelPrune();
    for (const id of this.#waiting.keys()) this.#wake(id);
  }

  /** How often what is too old or too much was looked for: grows as long as this works. */
  get prunes(): number {
    return this.#prunes;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Keeps all reports or, where the store throws, none; then wakes who waits for a task that came to its end. */
  heard(reports: readonly TaskReport[]): void {
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    store.write(() => {
      for (const report of reports) store.tasks.addReport(report, nowMs);
    });
    for (const { id, state } of reports) if (isReady(state)) this.#wake(id);
  }

  /** The task once it has come to its end, or what is known of it after `timeoutMs`, when `signal` is aborted or this is stopped. */
  async until(id: string, timeoutMs: number, signal: AbortSignal): Promise<Task | undefined> {
    const { store } = this.#options;
    const task = store.tasks.get(id);
    if (task && isReady(task.state)) return task;
    await this.#woken(id, timeoutMs, signal);
    return store.tasks.get(id);
  }

  /** Wakes who waits for a task whose end another process has written down; whether anybody waits still. */
  look(): boolean {
    for (const id of this.#waiting.keys()) {
      const task = this.#options.store.tasks.get(id);
      if (task && isReady(task.state)) this.#wake(id);
    }
    return this.#waiting.size > 0;
  }

  #woken(id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isStopped || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const end = () => {
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(id);
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      waiting.add(end);
      const cancel = this.#options.clock.after(timeoutMs, end);
      signal.addEventListener("abort", end);
    });
  }

  #wake(id: string): void {
    for (const end of this.#waiting.get(id) ?? []) end();
  }

  #prune(): void {
    const { store, clock, log } = this.#options;
    this.#prunes++;
    let isMore = false;
    try {
      isMore = store.write(() => this.#dropOld() || this.#dropExcess());
      // Who waits for a task that is not kept any more still needs the connection that its result comes by.
      if (!isMore && this.#waiting.size === 0) this.#brokers?.keepOnly(store.tasks.brokersInUse());
    } catch (error) {
      log.error("old results of tasks cannot be dropped", { error });
    }
    if (!isMore) this.#excess = { tasks: 0, bytes: 0 };
    if (!this.#isStopped) this.#cancelPrune = clock.after(isMore ? STEP_MS : PRUNE_EVERY_MS, () => this.#prune());
  }

  /** Whether there may be more to drop. */
  #dropOld(): boolean {
    const { store, clock, keptMs } = this.#options;
    return store.tasks.dropBefore(clock.now() - keptMs) > 0;
  }

  #dropExcess(): boolean {
    const { tasks } = this.#options.store;
    if (this.#excess.tasks <= 0 && this.#excess.bytes <= 0) {
      const size = tasks.size();
      this.#excess = { tasks: size.tasks - this.#limits.tasks, bytes: size.bytes - this.#limits.bytes };
    }
    if (this.#excess.tasks <= 0 && this.#excess.bytes <= 0) return false;
    const dropped = tasks.dropOldest(this.#excess);
    this.#excess = { tasks: this.#excess.tasks - dropped.tasks, bytes: this.#excess.bytes - dropped.bytes };
    return dropped.tasks > 0;
  }
}
