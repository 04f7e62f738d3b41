/** What one worker uses; null for what is not known. */
export interface Sample {
  /** Percent of one core. */
  readonly cpu: number | null;
  /** Bytes. */
  readonly rss: number | null;
  /** Tasks begun per second. */
  readonly tasks: number | null;
}

/** Samples of one worker, the oldest first; null for gaps. */
export interface SampleSeries {
  /** Milliseconds since the epoch. */
  readonly at: readonly number[];
  readonly cpu: readonly (number | null)[];
  readonly rss: readonly (number | null)[];
  readonly tasks: readonly (number | null)[];
}

const FIELDS = 3;
/** Memory is kept in these, which the numbers here hold exactly up to 16 GiB. */
const KIB = 1024;

/** The last samples of many workers, taken at the same times. */
export class SampleRing {
  readonly #size: number;
  readonly #at: Float64Array;
  /** By worker: all of the first field, then all of the second, and of the third; NaN for gaps. */
  readonly #values = new Map<string, Float32Array>();
  #next = 0;
  #count = 0;

  /** `size` is how many samples of each are kept. */
  constructor(size: number) {
    this.#size = size;
    this.#at = new Float64Array(size);
  }

  /** Adds a sample of each of `names`, and forgets all others. */
  add(atMs: number, names: readonly string[], samples: Readonly<Record<string, Sample>>): void {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#size;
    this.#count = Math.min(this.#size, this.#count + 1);
    this.#at[slot] = atMs;
    const kept = new Set(names);
    for (const name of this.#values.keys()) if (!kept.has(name)) this.#values.delete(name);
    for (const name of names) this.#put(name, slot, samples[name]);
  }

  of(name: string): SampleSeries {
    const values = this.#values.get(name);
    const first = (this.#next - this.#count + this.#size) % this.#size;
    const slots = Array.from({ length: this.#count }, (_, n) => (first + n) % this.#size);
    const field = (at: number, scale: number, digits: number) =>
      slots.map((slot) => shown(values?.[at * this.#size + slot], scale, digits));
    return {
      at: slots.map((slot) => this.#at[slot] ?? 0),
      cpu: field(0, 1, 1),
      rss: field(1, KIB, 0),
      tasks: field(2, 1, 2),
    };
  }

  #put(name: string, slot: number, sample: Sample | undefined): void {
    // Nothing is kept of who never ran.
    const values = this.#values.get(name) ?? (sample && new Float32Array(FIELDS * this.#size).fill(Number.NaN));
    if (!values) return;
    this.#values.set(name, values);
    values[slot] = sample?.cpu ?? Number.NaN;
    values[this.#size + slot] = sample?.rss == null ? Number.NaN : sample.rss / KIB;
    values[2 * this.#size + slot] = sample?.tasks ?? Number.NaN;
  }
}

function shown(value: number | undefined, scale: number, digits: number): number | null {
  if (value === undefined || Number.isNaN(value)) return null;
  return Number((value * scale).toFixed(digits));
}
