const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes with three digits: `12.3 MB`. */
export function bytes(value: number): string {
  const at = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const shown = value / 1000 ** at;
  return `${shown.toFixed(at === 0 || shown >= 100 ? 0 : 1)} ${UNITS[at]}`;
}

/** `1 consumer`, `2 consumers`, `– consumers`. */
export const several = (value: number | null, noun: string) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** 12345 as `12,345`, as people write it where they are. */
export const count = (value: number | null) => (value === null ? "–" : value.toLocaleString());
