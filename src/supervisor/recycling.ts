import { restartOf, type Instance } from "../domain/instance.ts";
import { hasBeat } from "../domain/launch.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { ProcessId } from "../kit/processes.ts";
import type { WorkerRow } from "../store/workers.ts";
import type { Parts } from "./parts.ts";
import { wantOf } from "./plan.ts";

/*
 * Replaces workers that use too much memory, or have run for too long: by a restart in which a stand-in consumes, one
 * instance of an app at a time. It only asks for that restart; the keeper of the instance does it.
 */

export interface RecyclingParts extends Parts {
  /** Whether the worker of an instance runs and answers. */
  readonly isRunning: (instance: string) => boolean;
  readonly wake: (instance: string) => void;
}

/** What is known of one process. */
export interface Use {
  /** How long it was seen to run. */
  readonly ageMs: number;
  /** Bytes, of the last looks in a row in which it was above its limit; the newest last. */
  readonly overMemory: readonly number[];
  /** From 0 to 1: so that workers which were started together are not replaced together. */
  readonly jitter: number;
}

/** Why a worker is replaced. */
export interface Due {
  readonly why: string;
  readonly evidence: Record<string, unknown>;
}

const LOOK_MS = 10_000;
const MEMORY_LOOKS = 3;
/** A worker may become older than its limit by so much of it. */
const AGE_JITTER = 0.1;
const WRITE_AGE_MS = 60_000;
/** Between two replacements of an instance's worker: at first, and at most. A limit may be below what any worker needs. */
const AGAIN_FIRST_MS = 60_000;
const AGAIN_LAST_MS = 3_600_000;
/** After so long a time without one the next is the first again. */
const CALM_MS = 2 * AGAIN_LAST_MS;

/** Whether a worker is to be replaced for what it uses. */
export function due({ maxMemory, maxAgeS }: Pick<Instance, "maxMemory" | "maxAgeS">, use: Use): Due | undefined {
  if (maxMemory !== null && use.overMemory.length >= MEMORY_LOOKS) {
    const why = `its processes used more memory than max_memory allows, in ${MEMORY_LOOKS} looks in a row`;
    return { why, evidence: { max_memory: maxMemory, used: use.overMemory } };
  }
  if (maxAgeS === null || use.ageMs < maxAgeS * 1000 * (1 + AGE_JITTER * use.jitter)) return undefined;
  return { why: "it is older than max_age allows", evidence: { max_age: maxAgeS, age: Math.round(use.ageMs / 1000) } };
}

interface Watched extends Use {
  readonly id: ProcessId;
  readonly lookedAtMs: number;
}

interface Candidate {
  readonly instance: Instance;
  readonly row: WorkerRow;
  readonly id: ProcessId;
}

/** Looks at all workers with a limit, every ten seconds. */
export class Recycling {
  readonly #parts: RecyclingParts;
  readonly #watched = new Map<string, Watched>();
  /** When the worker of an instance was last replaced, and how many times in a row. */
  readonly #replaced = new Map<string, { readonly atMs: number; readonly times: number }>();
  #agesWrittenMs: number;
  #isStopped = false;
  #cancelLook: () => void = () => {};

  constructor(parts: RecyclingParts) {
    this.#parts = parts;
    this.#agesWrittenMs = parts.clock.now();
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancelLook = this.#parts.clock.after(LOOK_MS, () => void this.#lookAndGoOn());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook();
  }

  async #lookAndGoOn(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      this.#parts.log.error("looking at the memory and the age of workers failed", { error });
    }
    this.start();
  }

  async #look(): Promise<void> {
    const limited = this.#candidates().filter(({ instance }) => instance.maxMemory !== null);
    const memory = limited.length === 0 ? new Map<number, number>() : await this.#memory(limited);
    if (this.#isStopped) return;
    // Read only now: meanwhile workers may have been replaced, and wishes changed.
    const candidates = this.#candidates();
    this.#forgetAllBut(new Set(candidates.map(({ instance }) => instance.name)));
    for (const candidate of candidates) this.#note(candidate, memory.get(candidate.id.pid));
    this.#writeAges();
    for (const { instance } of candidates) {
      const watched = this.#watched.get(instance.name);
      const found = watched && due(instance, watched);
      if (found && !this.#isBusy(instance.app) && !this.#isTooSoon(instance.name)) this.#replace(instance.name, found);
    }
  }

  #forgetAllBut(names: ReadonlySet<string>): void {
    const nowMs = this.#parts.clock.now();
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name);
    // Also where the clock was set back.
    for (const [name, { atMs }] of this.#replaced) if (Math.abs(nowMs - atMs) > CALM_MS) this.#replaced.delete(name);
  }

  /** Instances with a limit whose worker runs as it is wished. */
  #candidates(): Candidate[] {
    const { store, isRunning } = this.#parts;
    return store.instances.limited().flatMap((instance) => {
      const row = store.workers.get(instance.name);
      const { pid, startTicks, bootId } = row;
      const isAsWished = wantOf(instance) === "run" && row.restartSeq >= instance.restartSeq;
      if (pid === null || startTicks === null || bootId === null) return [];
      return isAsWished && isRunning(instance.name) ? [{ instance, row, id: { pid, startTicks, bootId } }] : [];
    });
  }

  #memory(candidates: readonly Candidate[]): Promise<Map<number, number>> {
    return this.#parts.processes.sessionMemory(candidates.map(({ id }) => id));
  }

  /** Time in which nobody looked, as when the machine stood still, is no age. */
  #note({ instance, row, id }: Candidate, bytes: number | undefined): void {
    const nowMs = this.#parts.clock.now();
    const known = this.#watched.get(instance.name);
    const before = known && Bun.deepEquals(known.id, id) ? known : undefined;
    const sinceMs = Math.min(Math.max(0, nowMs - (before?.lookedAtMs ?? nowMs)), 2 * LOOK_MS);
    const isOver = instance.maxMemory !== null && bytes !== undefined && bytes > instance.maxMemory;
    this.#watched.set(instance.name, {
      id,
      lookedAtMs: nowMs,
      ageMs: (before?.ageMs ?? row.ageMs) + sinceMs,
      overMemory: isOver ? [...(before?.overMemory ?? []), bytes].slice(-MEMORY_LOOKS) : [],
      jitter: Bun.hash.xxHash32(`${instance.name} ${id.pid} ${id.startTicks}`) / 2 ** 32,
    });
  }

  /** Now and then, for a branch that starts again. */
  #writeAges(): void {
    const { store, clock } = this.#parts;
    if (Math.abs(clock.now() - this.#agesWrittenMs) < WRITE_AGE_MS) return;
    this.#agesWrittenMs = clock.now();
    store.write(() => {
      for (const [name, { ageMs }] of this.#watched) store.workers.set(name, { ageMs: Math.round(ageMs) });
    });
  }

  /** Whether an instance of the app is being restarted, so that no second one is taken. */
  #isBusy(app: string): boolean {
    const { instances, workers, standins } = this.#parts.store;
    return instances
      .ofApp(app)
      .some(
        (instance) =>
          wantOf(instance) === "run" &&
          (workers.get(instance.name).restartSeq < instance.restartSeq || standins.get(instance.name).pid !== null),
      );
  }

  #isTooSoon(name: string): boolean {
    const last = this.#replaced.get(name);
    if (!last) return false;
    // Also where the clock was set back.
    const sinceMs = Math.abs(this.#parts.clock.now() - last.atMs);
    return sinceMs < backoffMs(last.times, AGAIN_FIRST_MS, AGAIN_LAST_MS, 0);
  }

  #replace(name: string, { why, evidence }: Due): void {
    const { store, clock, log, wake } = this.#parts;
    const isAsked = store.write(() => {
      const instance = store.instances.get(name);
      const app = instance && store.apps.get(instance.app);
      if (!instance || !app || wantOf(instance) !== "run") return false;
      const hasStandin = !hasBeat(instance, app);
      const { pid } = store.workers.get(name);
      store.instances.set(name, restartOf(instance, { isRolling: true, hasStandin, restartFor: "recycling" }));
      store.history.add(name, { atMs: clock.now(), did: "recycling", why, evidence: { pid, ...evidence } });
      return true;
    });
    if (!isAsked) return;
    log.info("recycling", { instance: name, why, ...evidence });
    const last = this.#replaced.get(name);
    this.#replaced.set(name, { atMs: clock.now(), times: last ? last.times + 1 : 0 });
    this.#watched.delete(name);
    wake(name);
  }
}
