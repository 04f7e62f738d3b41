import { readFile } from "node:fs/promises";

/** Times in milliseconds, sorted. */
export interface Sample {
  readonly sortedMs: readonly number[];
}

/** Runs `work` `count` times, one after the other, after `warmUp` runs that do not count. */
export async function sample(count: number, work: () => unknown, warmUp = 2): Promise<Sample> {
  for (let i = 0; i < warmUp; i++) await work();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return { sortedMs: times.toSorted((a, b) => a - b) };
}

/** The value below which `share` (0 to 1) of the sample lies. */
export function percentile({ sortedMs }: Sample, share: number): number {
  return sortedMs[Math.min(sortedMs.length - 1, Math.floor(share * sortedMs.length))] ?? Number.NaN;
}

export const median = (times: Sample) => percentile(times, 0.5);

/** `12.3 ms (p99 20.1 ms, n 100)` */
export function shown(times: Sample): string {
  return `${ms(median(times))} (p99 ${ms(percentile(times, 0.99))}, n ${times.sortedMs.length})`;
}

export const ms = (value: number) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

/** One line of the report: what was measured, what it was held against, and their ratio. */
export function report(what: string, measured: string, against: string, ratio: string): void {
  process.stdout.write(`${what}\n  ${measured}\n  against ${against}\n  → ${ratio}\n\n`);
}

export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Resident memory, of which what is shared with others counts in parts. */
export async function proportionalMb(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/Pss:\s+(\d+)/.exec(rollup)?.[1]) / 1024;
}

/** Processor time that a process has used, in milliseconds, in steps of 10. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Percent of one processor over the next `forMs`. */
export async function cpuOver(pid: number, forMs: number): Promise<number> {
  const before = await cpuMs(pid);
  await Bun.sleep(forMs);
  return (100 * ((await cpuMs(pid)) - before)) / forMs;
}
