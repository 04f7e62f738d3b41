import type { Sample, SampleHistory } from "../api/types.ts";

/** Points in time (seconds since the epoch, as uPlot wants them) and what was measured then. */
export interface Series {
  readonly at: readonly number[];
  readonly cpu: readonly (number | null)[];
  readonly rss: readonly (number | null)[];
  readonly tasks: readonly (number | null)[];
}

const KEPT_S = 3600;

export const NO_SERIES: Series = { at: [], cpu: [], rss: [], tasks: [] };

/** What the branch has kept. */
export const seriesOf = ({ at, cpu, rss, tasks }: SampleHistory): Series => ({
  at: at.map((ms) => ms / 1000),
  cpu,
  rss,
  tasks,
});

/** With one more sample; what is older than an hour goes. A sample of the same moment or an earlier one changes nothing. */
export function withSample(series: Series, atMs: number, { cpu, rss, tasks }: Sample): Series {
  const at = atMs / 1000;
  if (at <= (series.at.at(-1) ?? 0)) return series;
  const from = Math.max(
    0,
    series.at.findIndex((time) => time > at - KEPT_S),
  );
  return {
    at: [...series.at.slice(from), at],
    cpu: [...series.cpu.slice(from), cpu],
    rss: [...series.rss.slice(from), rss],
    tasks: [...series.tasks.slice(from), tasks],
  };
}
