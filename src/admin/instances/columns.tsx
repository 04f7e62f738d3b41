import type { Instance } from "../api/types.ts";
import { Ago } from "../kit/ago.tsx";
import type { Column } from "../kit/grid.tsx";
import { bytes } from "../kit/numbers.ts";
import { InstanceLink } from "../kit/parts.tsx";
import { STATE_NAMES, StateMark } from "../kit/state-mark.tsx";
import { samples } from "../state/live.ts";

/** What was measured last says nothing of a worker that is gone. */
const sampleOf = ({ name, pid }: Instance) => (pid === null ? undefined : samples.value.get(name));

/** A number with one digit behind the point below ten. */
const short = (value: number | null | undefined) =>
  value === null || value === undefined ? "–" : value.toFixed(value < 10 ? 1 : 0);

export const instanceColumns: readonly Column<Instance>[] = [
  {
    key: "name",
    title: "Name",
    width: "minmax(9rem, 2fr)",
    by: ({ name }) => name,
    cell: ({ name }) => <InstanceLink name={name} />,
  },
  {
    key: "state",
    title: "State",
    width: "minmax(8rem, 1.500fr)",
    by: ({ state }) => STATE_NAMES.indexOf(state),
    cell: ({ state, why }) => (
      <span class="state-why" title={why ?? undefined}>
        <StateMark state={state} />
        {why !== null && <span class="dim">{why}</span>}
      </span>
    ),
  },
  {
    key: "app",
    title: "App",
    width: "minmax(4rem, 0.700fr)",
    by: ({ app }) => app,
    cell: ({ app }) => app,
    isMinor: true,
  },
  {
    key: "branch",
    title: "Branch",
    width: "minmax(4rem, 0.700fr)",
    by: ({ branch }) => branch,
    cell: ({ branch }) => branch,
    isMinor: true,
  },
  {
    key: "queues",
    title: "Queues",
    width: "minmax(5rem, 0.800fr)",
    by: ({ queues }) => queues.join(),
    cell: ({ queues }) => (
      <span class="mono" title={queues.join(", ")}>
        {queues.length === 0 ? "–" : queues.join(", ")}
      </span>
    ),
    isMinor: true,
  },
  {
    key: "size",
    title: "Processes",
    width: "5.500rem",
    by: ({ max_concurrency: max }) => max,
    cell: ({ min_concurrency: min, max_concurrency: max }) => (min === max ? max : `${min}–${max}`),
    isNumber: true,
    isMinor: true,
  },
  {
    key: "cpu",
    title: "CPU %",
    width: "4.500rem",
    by: (instance) => sampleOf(instance)?.cpu ?? null,
    cell: (instance) => short(sampleOf(instance)?.cpu),
    isNumber: true,
    isMinor: true,
  },
  {
    key: "rss",
    title: "Memory",
    width: "5.500rem",
    by: (instance) => sampleOf(instance)?.rss ?? null,
    cell: (instance) => {
      const rss = sampleOf(instance)?.rss;
      return rss === null || rss === undefined ? "–" : bytes(rss);
    },
    isNumber: true,
    isMinor: true,
  },
  {
    key: "tasks",
    title: "Tasks/s",
    width: "4.750rem",
    by: (instance) => sampleOf(instance)?.tasks ?? null,
    cell: (instance) => short(sampleOf(instance)?.tasks),
    isNumber: true,
    isMinor: true,
  },
  {
    key: "since",
    title: "Since",
    width: "6.250rem",
    // The newest first is what is meant by most.
    by: ({ since }) => (since === null ? null : -Date.parse(since)),
    cell: ({ since }) => <Ago at={since} />,
    isNumber: true,
    isMinor: true,
  },
];
