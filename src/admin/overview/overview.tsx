import { useComputed } from "@preact/signals";
import type { Branch, Instance, InstanceState, Queue } from "../api/types.ts";
import { Ago } from "../kit/ago.tsx";
import { Icon } from "../kit/icon.tsx";
import { count } from "../kit/numbers.ts";
import { Card, Empty, Meter, PageHead } from "../kit/parts.tsx";
import { Spark } from "../kit/spark.tsx";
import { STATE_NAMES, StateMark } from "../kit/state-mark.tsx";
import { branches, instances, isLoaded, model, queues } from "../state/live.ts";
import { DEPTH_MS, queueKey } from "../state/model.ts";
import { href } from "../state/router.ts";
import { may } from "../state/session.ts";
import { now } from "../state/time.ts";
import { concerns, type Concern, type Subject } from "./concerns.ts";

/** What an operator looks at first: what needs attention, then how all is. */
export function Overview() {
  return (
    <>
      <PageHead title="Overview" />
      {isLoaded.value ? <Loaded /> : <Loading />}
    </>
  );
}

function Loading() {
  return (
    <div class="loading" role="status">
      <span class="only-heard">Loading</span>
      <div class="card" />
      <div class="card" />
    </div>
  );
}

function Loaded() {
  return (
    <>
      <Attention />
      <States />
      <div class="columns">
        <Branches />
        <Queues />
      </div>
    </>
  );
}

function Attention() {
  const found = useComputed(() => concerns(model.value, now.value)).value;
  if (found.length === 0) {
    return (
      <p class="all-well">
        <Icon name="check" />
        Nothing needs attention
      </p>
    );
  }
  return (
    <Card title="Needs attention" class="attention">
      <ul>
        {found.map((concern) => (
          <ConcernItem key={concern.title} {...concern} />
        ))}
      </ul>
    </Card>
  );
}

const SHOWN = 4;

function ConcernItem({ title, level, href: to, subjects }: Concern) {
  const rest = subjects.length - SHOWN;
  return (
    <li class={`concern is-${level}`}>
      <h3>
        <Icon name={level === "bad" ? "warn" : "info"} />
        {to === null ? title : <a href={to}>{title}</a>}
        <span class="chip">{subjects.length}</span>
      </h3>
      <ul>
        {subjects.slice(0, SHOWN).map((subject) => (
          <SubjectItem key={subject.name} {...subject} />
        ))}
        {rest > 0 && <li class="dim">{to === null ? `and ${rest} more` : <a href={to}>and {rest} more</a>}</li>}
      </ul>
    </li>
  );
}

function SubjectItem({ name, href: to, detail, since }: Subject) {
  return (
    <li>
      {to === null ? (
        <b class="mono">{name}</b>
      ) : (
        <a class="mono" href={to}>
          {name}
        </a>
      )}
      <span class="detail" title={detail}>
        {detail}
      </span>
      {since !== null && (
        <span class="dim">
          <Ago at={since} />
        </span>
      )}
    </li>
  );
}

function States() {
  const counts = useComputed(() => countByState(instances.value)).value;
  const total = instances.value.size;
  if (total === 0) {
    return (
      <Card title="Instances">
        <Empty icon="instances">
          <p>There are no instances yet.</p>
          {may("operator") && (
            <p>
              <a href={href("instances", { add: "1" })}>Add the first one</a>
            </p>
          )}
        </Empty>
      </Card>
    );
  }
  return (
    <Card title="Instances" actions={<a href={href("instances")}>all {total}</a>}>
      <div class="state-bar" aria-hidden="true">
        {BAR.filter((state) => counts[state]).map((state) => (
          <span key={state} class={`is-${state}`} style={{ flexGrow: counts[state] ?? 0 }} />
        ))}
      </div>
      <ul class="state-counts">
        {STATE_NAMES.filter((state) => counts[state]).map((state) => (
          <li key={state}>
            <a href={href("instances", { state })}>
              <StateMark state={state} count={counts[state] ?? 0} />
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const BAR: readonly InstanceState[] = [
  "running",
  "starting",
  "stopping",
  "backoff",
  "unknown",
  "unresponsive",
  "stopped",
  "disabled",
];

function countByState(all: ReadonlyMap<string, Instance>): Partial<Record<InstanceState, number>> {
  const counts: Partial<Record<InstanceState, number>> = {};
  for (const { state } of all.values()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function Branches() {
  const rows = [...branches.value.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return (
    <Card title="Branches">
      <div class="scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Branch</th>
              <th scope="col" class="is-number">
                Instances
              </th>
              <th scope="col" class="is-number is-minor" title="Load average of the last minute">
                Load
              </th>
              <th scope="col">Disk</th>
              <th scope="col">Up</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((branch) => (
              <BranchRow key={branch.id} {...branch} />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function BranchRow({ id, version, instances: many, load_average: load, disk_use: disk, started_at, is_up }: Branch) {
  return (
    <tr>
      <th scope="row">
        <a class="mono" href={href("instances", { branch: id })}>
          {id}
        </a>{" "}
        <span class="dim is-minor">v{version}</span>
      </th>
      <td class="is-number">{many}</td>
      <td class="is-number is-minor" title={load?.map((value) => value.toFixed(2)).join(" · ")}>
        {load?.[0]?.toFixed(2) ?? "–"}
      </td>
      <td>{disk === null ? "–" : <Meter percent={disk} label={`Disk of ${id}`} />}</td>
      <td>{is_up ? <Ago at={started_at} /> : <span class="state is-bad">away</span>}</td>
    </tr>
  );
}

const SHOWN_QUEUES = 12;

function Queues() {
  const deepest = [...queues.value.values()]
    .toSorted((a, b) => (b.messages ?? -1) - (a.messages ?? -1) || (a.name < b.name ? -1 : 1))
    .slice(0, SHOWN_QUEUES);
  return (
    <Card title="Queues by depth" actions={<a href={href("queues")}>all {queues.value.size}</a>}>
      {deepest.length === 0 ? (
        <Empty icon="queues">
          <p>No queue is declared yet.</p>
        </Empty>
      ) : (
        <div class="scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Queue</th>
                <th scope="col" class="is-minor">
                  App
                </th>
                <th scope="col" class="is-number">
                  Messages
                </th>
                <th scope="col" class="is-minor">
                  Last 5 min
                </th>
                <th scope="col" class="is-number">
                  Consumers
                </th>
              </tr>
            </thead>
            <tbody>
              {deepest.map((queue) => (
                <QueueRow key={queueKey(queue)} {...queue} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function QueueRow(queue: Queue) {
  const { app, name, messages, consumers } = queue;
  return (
    <tr>
      <th scope="row">
        <a class="mono" href={href("queues", { app, q: name })}>
          {name}
        </a>
      </th>
      <td class="is-minor">{app}</td>
      <td class="is-number">{count(messages)}</td>
      <td class="is-minor">
        <Spark points={model.value.depths.get(queueKey(queue)) ?? []} nowMs={now.value} forMs={DEPTH_MS} />
      </td>
      <td class="is-number">{consumers === 0 ? <span class="state is-bad">none</span> : count(consumers)}</td>
    </tr>
  );
}
