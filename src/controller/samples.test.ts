import { describe, expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import type { SessionUse } from "../kit/session-use.ts";
import { SampleRing } from "./sample-ring.ts";
import { Samples, type SampleParts } from "./samples.ts";

interface Worker {
  pid: number | null;
  use?: SessionUse;
  begun?: { tasks: number; atMs: number };
}

/** Samples of workers that are what the test says. */
function watching(workers: Record<string, Worker>) {
  const clock = new ManualClock();
  const live = {
    wishes: () => ({ instances: Object.keys(workers).map((name) => ({ name })) }),
    seen: (name: string) => workers[name] && { pid: workers[name].pid },
    begun: (name: string) => workers[name]?.begun && { pid: workers[name].pid, ...workers[name].begun },
  } as unknown as SampleParts["live"];
  const asked: number[][] = [];
  const look = async (leaders: ReadonlySet<number>) => {
    asked.push([...leaders]);
    const found = Object.values(workers).filter(({ pid }) => pid !== null && leaders.has(pid));
    return new Map(found.flatMap(({ pid, use }) => (pid !== null && use ? [[pid, use] as const] : [])));
  };
  const samples = new Samples({ live, clock, log: silentLog, look });
  return { samples, clock, asked, workers };
}

describe("samples of workers", () => {
  test("are taken every ten seconds, by one look at all of them", async () => {
    const { samples, clock, asked } = watching({ web: { pid: 1 }, mail: { pid: 2 }, off: { pid: null } });
    samples.start();
    await clock.advance(30_000);
    samples.stop();
    await clock.advance(30_000);
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test("tell CPU time as percent of a core since the last look, and memory", async () => {
    const { samples, clock, workers } = watching({ web: { pid: 1, use: { cpuMs: 500, residentBytes: 4096 } } });
    await samples.look();
    expect(samples.latest?.instances).toEqual({ web: { cpu: null, rss: 4096, tasks: null } });
    workers["web"] = { pid: 1, use: { cpuMs: 3_000, residentBytes: 8192 } };
    await clock.advance(10_000);
    await samples.look();
    expect(samples.latest?.instances).toEqual({ web: { cpu: 25, rss: 8192, tasks: null } });
    expect(samples.of("web")).toMatchObject({ cpu: [null, 25], rss: [4096, 8192] });
  });

  test("compare nothing with the worker before, nor over a clock that was set back", async () => {
    const { samples, clock, workers } = watching({ web: { pid: 1, use: { cpuMs: 500, residentBytes: 1 } } });
    await samples.look();
    workers["web"] = { pid: 2, use: { cpuMs: 900, residentBytes: 1 } };
    await clock.advance(10_000);
    await samples.look();
    expect(samples.latest?.instances["web"]?.cpu).toBeNull();
    workers["web"] = { pid: 2, use: { cpuMs: 950, residentBytes: 1 } };
    clock.set(-60_000);
    await samples.look();
    expect(samples.latest?.instances["web"]?.cpu).toBeNull();
  });

  test("tell tasks a second by what the worker said in between", async () => {
    const use = { cpuMs: 0, residentBytes: 1 };
    const { samples, clock, workers } = watching({});
    const at = clock.now();
    const tasksAfter = async (begun: Worker["begun"]) => {
      workers["web"] = { pid: 1, use, ...(begun && { begun }) };
      await samples.look();
      await clock.advance(10_000);
      return samples.latest?.instances["web"]?.tasks;
    };
    expect(await tasksAfter(undefined)).toBeNull();
    expect(await tasksAfter({ tasks: 10, atMs: at })).toBeNull();
    expect(await tasksAfter({ tasks: 60, atMs: at + 20_000 })).toBe(2.5);
    // It was not asked since.
    expect(await tasksAfter({ tasks: 60, atMs: at + 20_000 })).toBe(2.5);
    for (let i = 0; i < 8; i++) await tasksAfter({ tasks: 60, atMs: at + 20_000 });
    expect(await tasksAfter({ tasks: 60, atMs: at + 20_000 })).toBeNull();
  });

  test("have gaps while it does not run, and end with the instance", async () => {
    const { samples, workers } = watching({ web: { pid: 1, use: { cpuMs: 0, residentBytes: 1024 } } });
    await samples.look();
    workers["web"] = { pid: null };
    await samples.look();
    expect(samples.latest?.instances).toEqual({});
    expect(samples.of("web").rss).toEqual([1024, null]);
    delete workers["web"];
    await samples.look();
    expect(samples.of("web").rss).toEqual([null, null, null]);
  });
});

describe("a ring of samples", () => {
  test("keeps the last ones, the oldest first, and shows a gap for who was not there yet", () => {
    const ring = new SampleRing(3);
    const sample = (n: number) => ({ cpu: n + 0.15, rss: n * 1024 ** 3, tasks: n / 100 });
    for (let n = 1; n <= 5; n++) {
      ring.add(n * 10, ["web", "late"], { web: sample(n), ...(n === 5 ? { late: sample(n) } : {}) });
    }
    expect(ring.of("web")).toEqual({
      at: [30, 40, 50],
      cpu: [3.2, 4.2, 5.2],
      rss: [3, 4, 5].map((n) => n * 1024 ** 3),
      tasks: [0.03, 0.04, 0.05],
    });
    expect(ring.of("late")).toMatchObject({ cpu: [null, null, 5.2], tasks: [null, null, 0.05] });
    expect(ring.of("nobody")).toMatchObject({ at: [30, 40, 50], cpu: [null, null, null] });
  });
});
