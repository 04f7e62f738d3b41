import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { theme } from "../state/theme.ts";

export interface GraphProps {
  readonly title: string;
  readonly about: string;
  /** Seconds since the epoch. */
  readonly at: readonly number[];
  /** null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Whether it is measured now, so that the latest value is how it is. */
  readonly isNow: boolean;
  readonly show: (value: number) => string;
  /** What the axis shows at least, so that next to nothing does not look like much. */
  readonly least: number;
}

const HEIGHT_PX = 120;
const FONT = "11px system-ui, sans-serif";
const AXIS_PX = 58;

/** The course of one number. What the pointer is at, and else the latest, stands above in words. */
export function Graph({ title, about, at, values, isNow, show, least }: GraphProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const pointed = useSignal<number | null>(null);
  const colours = theme.value;
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const onPoint = (index: number | null) => (pointed.value = index);
    const made = new UPlot(optionsFor(element, { show, least, onPoint }), [[...at], [...values]], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [colours]);
  useEffect(() => plot.current?.setData([[...at], [...values]]), [at, values]);
  const index = pointed.value;
  const latest = isNow ? values.findLast((one) => one !== null) : null;
  const value = index === null ? latest : values[index];
  const when = index === null ? "" : new Date((at[index] ?? 0) * 1000).toLocaleTimeString();
  const words = value === null || value === undefined ? "–" : show(value);
  return (
    <section class="card graph" aria-label={title}>
      <header>
        <h2>
          {title} <span class="dim">{about}</span>
        </h2>
        <span>
          <b>{words}</b> <span class="dim">{when}</span>
        </span>
      </header>
      <div ref={place} class="plot" role="img" aria-label={`${title} in the last hour, now ${words}`} />
    </section>
  );
}

const LEAST_S = 600;

/** Some minutes at least; up to now where nothing was measured yet. */
function shownTime(first: number, last: number): [number, number] {
  const end = Number.isFinite(last) ? last : Date.now() / 1000;
  return [Math.min(Number.isFinite(first) ? first : end, end - LEAST_S), end];
}

const clock = (seconds: number) =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

interface Look extends Pick<GraphProps, "show" | "least"> {
  readonly onPoint: (index: number | null) => void;
}

function optionsFor(element: HTMLElement, { show, least, onPoint }: Look): UPlot.Options {
  const colour = (name: string) => resolved(element, name);
  const axis = {
    stroke: colour("--dim"),
    font: FONT,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [8, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "instance" } },
    scales: {
      x: { range: (_plot, first, last) => shownTime(first, last) },
      y: { range: (_plot, _low, high) => [0, Math.max(least, Number.isFinite(high) ? high * 1.1 : 0)] },
    },
    axes: [
      { ...axis, size: 24, space: 60, values: (_plot, ticks) => ticks.map(clock) },
      { ...axis, size: AXIS_PX, space: 32, values: (_plot, ticks) => ticks.map(show) },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        fill: colour("--accent-ground"),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      },
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  };
}

/** A colour of the design system as a canvas takes it, in the theme that is shown. */
function resolved(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
