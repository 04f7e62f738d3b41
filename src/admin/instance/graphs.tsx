import { signal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { path, request } from "../api/request.ts";
import type { SampleHistory } from "../api/types.ts";
import { bytes } from "../kit/numbers.ts";
import { instances, model } from "../state/live.ts";
import { attempt } from "../state/toasts.ts";
import type { GraphProps } from "./graph.tsx";
import { NO_SERIES, seriesOf, withSample } from "./series.ts";

/** Apart from the rest of the page, which is there sooner without it; kept once it has come. */
const Graph = signal<ComponentType<GraphProps> | null>(null);

async function loadGraph(): Promise<void> {
  const { Graph: loaded } = await import("./graph.tsx");
  Graph.value = loaded;
}

/** So that what stands below does not jump. */
const Coming = ({ title }: Pick<GraphProps, "title">) => (
  <section class="card graph" aria-label={title}>
    <header>
      <h2>{title}</h2>
    </header>
    <div class="plot" />
  </section>
);

const percent = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} %`;
const rate = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)}/s`;

/** What the worker used in the last hour, going on. */
export function Graphs({ app, name }: { readonly app: string; readonly name: string }) {
  const series = useSignal(NO_SERIES);
  useEffect(() => void attempt(loadGraph), []);
  useEffect(() => {
    const left = new AbortController();
    const place = `${path(app, "instances", name)}samples/`;
    request<SampleHistory>("GET", place, undefined, left.signal).then(
      (history) => (series.value = seriesOf(history)),
      // Without what was, the graphs begin now.
      () => undefined,
    );
    return () => left.abort();
  }, [app, name]);
  useSignalEffect(() => {
    const { samples, samplesAtMs, instances: known } = model.value;
    const sample = samples.get(name);
    const isRunning = (known.get(name)?.pid ?? null) !== null;
    if (sample && isRunning) series.value = withSample(series.peek(), samplesAtMs, sample);
  });
  const { at, cpu, rss, tasks } = series.value;
  const isNow = (instances.value.get(name)?.pid ?? null) !== null;
  const shared = { at, isNow };
  const Shown = Graph.value ?? Coming;
  return (
    <div class="graphs">
      <Shown title="CPU" about="of one core" {...shared} values={cpu} show={percent} least={5} />
      <Shown title="Memory" about="resident" {...shared} values={rss} show={bytes} least={1e7} />
      <Shown title="Tasks" about="per second" {...shared} values={tasks} show={rate} least={1} />
    </div>
  );
}
