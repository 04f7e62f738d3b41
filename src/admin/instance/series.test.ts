import { describe, expect, test } from "bun:test";
import { NO_SERIES, seriesOf, withSample } from "./series.ts";

const sample = (cpu: number) => ({ cpu, rss: null, tasks: null });

describe("withSample()", () => {
  test("goes on after what the branch has kept", () => {
    const kept = seriesOf({ interval: 10, at: [1000, 11_000], cpu: [1, null], rss: [5, 6], tasks: [0, 0] });
    const { at, cpu } = withSample(kept, 21_000, sample(3));
    expect([at, cpu]).toEqual([
      [1, 11, 21],
      [1, null, 3],
    ]);
  });

  test("takes no sample twice, and none that is older", () => {
    const series = withSample(NO_SERIES, 5000, sample(1));
    expect(withSample(series, 5000, sample(2))).toBe(series);
    expect(withSample(series, 4000, sample(2))).toBe(series);
  });

  test("forgets what is older than an hour", () => {
    const series = withSample(withSample(NO_SERIES, 1000, sample(1)), 2000, sample(2));
    expect(withSample(series, 3_601_500, sample(3)).cpu).toEqual([2, 3]);
  });
});
