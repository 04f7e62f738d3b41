/**
 * Milliseconds to wait before try number `failures + 1`: doubles from `firstMs` up to `maxMs`, less up to a quarter at
 * random so that many who failed together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(failures: number, firstMs: number, maxMs: number, random: number = Math.random()): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return Math.round(fullMs * (1 - random / 4));
}
