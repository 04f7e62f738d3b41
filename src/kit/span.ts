const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** A span of time in its two largest units: `3 d 4 h`, `12 s`. Less than a second is `0 s`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  const first = UNITS[at];
  if (!first) return "0 s";
  const second = UNITS[at + 1];
  const whole = Math.floor(seconds / first[1]);
  const rest = second ? Math.floor((seconds % first[1]) / second[1]) : 0;
  return second && rest > 0 ? `${whole} ${first[0]} ${rest} ${second[0]}` : `${whole} ${first[0]}`;
}
