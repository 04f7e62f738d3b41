import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { SessionUse } from "../kit/session-use.ts";
import type { BegunTasks } from "../supervisor/status.ts";
import type { Live } from "./live.ts";
import { SampleRing, type Sample, type SampleSeries } from "./sample-ring.ts";

export type { SampleSeries };

export interface SampleParts {
  readonly live: Pick<Live, "wishes" | "seen" | "begun">;
  readonly clock: Clock;
  readonly log: Log;
  /** What the sessions of these processes use. */
  readonly look: (leaders: ReadonlySet<number>) => Promise<ReadonlyMap<number, SessionUse>>;
}

/** What all instances of this branch used at one time. */
export interface SampleSet {
  readonly atMs: number;
  /** By instance; one whose worker does not run is not in it. */
  readonly instances: Readonly<Record<string, Sample>>;
}

/** What was seen of a worker in the last look, to be compared with the next. */
interface Before {
  readonly pid: number;
  readonly cpuMs: number;
  readonly begun: BegunTasks | undefined;
  /** Tasks a second, by the last two answers. */
  readonly rate: number | null;
}

export const SAMPLE_MS = 10_000;
const HOUR_MS = 3_600_000;
/** Each takes 4.3 kB. */
const MAX_INSTANCES = 5_000;
/** What a worker said longer ago says nothing of now. */
const RATE_MS = 90_000;

/** What the workers of this branch use, every ten seconds, for an hour. */
export class Samples {
  readonly #parts: SampleParts;
  readonly #ring = new SampleRing(HOUR_MS / SAMPLE_MS);
  #before = new Map<string, Before>();
  #beforeMs: number | undefined;
  #latest: SampleSet | undefined;
  #isStopped = false;
  #cancel = () => {};

  constructor(parts: SampleParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#lookIn(SAMPLE_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Of the last look; undefined before the first. */
  get latest(): SampleSet | undefined {
    return this.#latest;
  }

  /** Of an instance, the oldest first. */
  of(name: string): SampleSeries {
    return this.#ring.of(name);
  }

  /** Looks now. */
  async look(): Promise<void> {
    const { live, look, clock } = this.#parts;
    const atMs = clock.now();
    const names = live.wishes().instances.map(({ name }) => name);
    const pids = new Map(names.slice(0, MAX_INSTANCES).map((name) => [name, live.seen(name)?.pid ?? null] as const));
    const running = [...pids.values()].filter((pid) => pid !== null);
    const use = await look(new Set(running));
    const sinceMs = this.#beforeMs === undefined ? 0 : atMs - this.#beforeMs;
    const before = new Map<string, Before>();
    const instances: Record<string, Sample> = Object.create(null);
    for (const [name, pid] of pids) {
      const used = pid === null ? undefined : use.get(pid);
      if (pid === null || !used) continue;
      const known = this.#before.get(name);
      const last = known?.pid === pid ? known : undefined;
      const begun = live.begun(name);
      const rate = taskRate(begun?.pid === pid ? begun : undefined, last, atMs);
      instances[name] = { cpu: cpuPercent(used.cpuMs, last?.cpuMs, sinceMs), rss: used.residentBytes, tasks: rate };
      before.set(name, { pid, cpuMs: used.cpuMs, begun: begun?.pid === pid ? begun : undefined, rate });
    }
    this.#before = before;
    this.#beforeMs = atMs;
    this.#latest = { atMs, instances };
    this.#ring.add(atMs, names, instances);
  }

  #lookIn(ms: number): void {
    if (!this.#isStopped) this.#cancel = this.#parts.clock.after(ms, () => void this.#lookAndGoOn());
  }

  async #lookAndGoOn(): Promise<void> {
    const { clock, log } = this.#parts;
    const beganMs = clock.now();
    try {
      await this.look();
    } catch (error) {
      log.error("what workers use cannot be looked at", { error });
    }
    // From beginning to beginning.
    this.#lookIn(Math.max(SAMPLE_MS / 2, SAMPLE_MS - Math.max(0, clock.now() - beganMs)));
  }
}

/** Of one core; null where there is nothing to compare with. */
function cpuPercent(cpuMs: number, before: number | undefined, sinceMs: number): number | null {
  // Less than before where a child ended whose parent never heard of it; the clock may have been set back.
  if (before === undefined || cpuMs < before || sinceMs <= 0) return null;
  return Math.round((1000 * (cpuMs - before)) / sinceMs) / 10;
}

/** By the last two answers of the worker, which come when it is asked; null where they say nothing of now. */
function taskRate(begun: BegunTasks | undefined, before: Before | undefined, nowMs: number): number | null {
  const last = before?.begun;
  if (!begun || !last) return null;
  if (begun.atMs === last.atMs) return nowMs - begun.atMs > RATE_MS ? null : (before?.rate ?? null);
  if (begun.tasks < last.tasks || begun.atMs < last.atMs) return null;
  return Math.round((100_000 * (begun.tasks - last.tasks)) / (begun.atMs - last.atMs)) / 100;
}
