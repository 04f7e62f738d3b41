/** How many processes or threads a worker has, at least and at most. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

const LEAST_TOP = 16;
const HIGHEST = 10_000;

/** After a slider was moved: the other one gives way, so that min ≤ max. */
export function moved(bounds: Bounds, key: keyof Bounds, value: number): Bounds {
  if (!Number.isFinite(value)) return bounds;
  const whole = Math.min(HIGHEST, Math.max(key === "max" ? 1 : 0, Math.round(value)));
  return key === "max"
    ? { max: whole, min: Math.min(bounds.min, whole) }
    : { min: whole, max: Math.max(bounds.max, whole, 1) };
}

/** Where sliders end: well above what is there, so that one may pull further. */
export const topOf = ({ max }: Bounds) => Math.min(HIGHEST, Math.max(LEAST_TOP, 2 ** Math.ceil(Math.log2(max * 2))));
