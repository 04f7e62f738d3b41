import type { Depth } from "../state/model.ts";

const WIDTH = 80;
const HEIGHT = 20;

/** The course of a number in the last minutes, beside its value in words. */
export function Spark({ points, nowMs, forMs }: { points: readonly Depth[]; nowMs: number; forMs: number }) {
  const latest = points.at(-1);
  if (!latest || points.length < 2) return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const highest = Math.max(1, ...points.map(({ messages }) => messages));
  const x = (atMs: number) => Math.max(0, WIDTH * (1 - (nowMs - atMs) / forMs)).toFixed(1);
  const y = (messages: number) => (HEIGHT - 1 - (HEIGHT - 2) * (messages / highest)).toFixed(1);
  // In steps: nothing is known to have happened between two values.
  const steps = points.map(({ atMs, messages }) => `H${x(atMs)}V${y(messages)}`).join("");
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={`M0 ${y(points[0]?.messages ?? 0)}${steps}H${WIDTH}`} />
    </svg>
  );
}
