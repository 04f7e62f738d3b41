/** How many processes or threads a worker has, at least and at most. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

const LEAST_TOP = 16;
const HIGHEST = 10_000;

/** After a slider was moved, or a number typed: that one alone, since nobody said anything of the other. */
export function moved(bounds: Bounds, key: keyof Bounds, value: number): Bounds {
  if (!Number.isFinite(value)) return bounds;
  return { ...bounds, [key]: Math.min(HIGHEST, Math.max(key === "max" ? 1 : 0, Math.round(value))) };
}

/** Whether a worker can be between them. */
export const areInOrder = ({ min, max }: Bounds) => min <= max;

/** Where sliders end: well above what is there, so that one may pull further. */
export const topOf = ({ max }: Bounds) => Math.min(HIGHEST, Math.max(LEAST_TOP, 2 ** Math.ceil(Math.log2(max * 2))));
