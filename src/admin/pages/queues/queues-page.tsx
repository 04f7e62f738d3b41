import { computed, useSignal } from "@preact/signals";
import { path, request } from "../../api/request.ts";
import type { Queue } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { confirm } from "../../kit/dialog.tsx";
import { Grid, type Column } from "../../kit/grid.tsx";
import { count } from "../../kit/numbers.ts";
import { Empty, InstanceLink, PageHead } from "../../kit/parts.tsx";
import { apps, instances, queues } from "../../state/live.ts";
import { queueKey } from "../../state/model.ts";
import { route, setQuery } from "../../state/router.ts";
import { may } from "../../state/session.ts";
import { attempt } from "../../state/toasts.ts";
import { Choice } from "../choice.tsx";
import { some } from "../named.ts";
import { isFound, SearchBox } from "../search-box.tsx";
import { QueueForm } from "./queue-form.tsx";

/** Names of the instances that are wished to consume a queue, by queueKey(). */
const consumers = computed(() => {
  const found = new Map<string, string[]>();
  for (const { app, name, queues: consumed } of instances.value.values()) {
    for (const queue of consumed) {
      const key = queueKey({ app, name: queue });
      found.set(key, [...(found.get(key) ?? []), name]);
    }
  }
  return found;
});

/** The queues of all apps: how many messages wait, and who takes them. */
export function QueuesPage() {
  const edited = useSignal<Queue | "new" | null>(null);
  const app = route.value.query.get("app") ?? "";
  const rows = [...queues.value.values()].filter(
    (queue) => (app === "" || queue.app === app) && isFound(queue.name, queue.app, queue.exchange, ...namesFor(queue)),
  );
  const isAdmin = may("admin");
  const appNames = [...apps.value.keys()].toSorted();
  return (
    <>
      <PageHead title="Queues" note={`${count(queues.value.size)} declared`}>
        {isAdmin && appNames.length > 0 && (
          <Button kind="main" icon="plus" onClick={() => (edited.value = "new")}>
            Declare queue
          </Button>
        )}
      </PageHead>
      <div class="filters">
        <SearchBox label="Search queues" />
        <Choice label="App" name="app" values={appNames} />
      </div>
      <Grid
        label="Queues"
        rows={rows}
        columns={isAdmin ? [...COLUMNS, actions((queue) => (edited.value = queue))] : COLUMNS}
        rowKey={queueKey}
        sort={route.value.query.get("sort") ?? "-messages"}
        onSort={(sort) => setQuery({ sort })}
        empty={<Empty>{queues.value.size === 0 ? "No queue is declared yet." : "No queue is like that."}</Empty>}
      />
      {edited.value !== null && (
        <QueueForm
          queue={edited.value === "new" ? null : edited.value}
          app={app || (appNames[0] ?? "")}
          onClose={() => (edited.value = null)}
        />
      )}
    </>
  );
}

const namesFor = (queue: Queue): readonly string[] => consumers.value.get(queueKey(queue)) ?? [];

const SHOWN_CONSUMERS = 3;

const COLUMNS: readonly Column<Queue>[] = [
  {
    key: "name",
    title: "Queue",
    width: "minmax(7rem, 1.5fr)",
    by: ({ name }) => name,
    cell: ({ name }) => <b class="mono">{name}</b>,
  },
  {
    key: "app",
    title: "App",
    width: "minmax(5rem, .7fr)",
    isMinor: true,
    by: ({ app }) => app,
    cell: ({ app }) => app,
  },
  {
    key: "messages",
    title: "Messages",
    width: "6.5rem",
    isNumber: true,
    by: ({ messages }) => messages,
    cell: ({ messages }) => count(messages),
  },
  {
    key: "consumers",
    title: "Consumers",
    width: "minmax(8rem, 1.5fr)",
    by: ({ consumers: number }) => number,
    cell: (queue) => <Consumers {...queue} />,
  },
  {
    key: "exchange",
    title: "Exchange",
    width: "minmax(9rem, 1.2fr)",
    isMinor: true,
    by: ({ exchange }) => exchange,
    cell: ({ exchange, exchange_type: type }) => (
      <>
        <span class="mono">{exchange}</span> <span class="dim">{type}</span>
      </>
    ),
  },
  {
    key: "routing_key",
    title: "Routing key",
    width: "minmax(6rem, 1fr)",
    isMinor: true,
    by: (queue) => queue.routing_key,
    cell: (queue) => <span class="mono">{queue.routing_key}</span>,
  },
];

/** How many the broker counts, and which instances are to consume it. */
function Consumers(queue: Queue) {
  const names = namesFor(queue);
  const isStuck = queue.consumers === 0 && (queue.messages ?? 0) > 0;
  if (names.length === 0 && (queue.consumers ?? 0) === 0) {
    return <span class={isStuck ? "warning" : "dim"}>no consumer</span>;
  }
  return (
    <>
      {queue.consumers !== null && `${count(queue.consumers)}${names.length > 0 ? ": " : ""}`}
      {names.slice(0, SHOWN_CONSUMERS).map((name, at) => (
        <span key={name}>
          {at > 0 && ", "}
          <InstanceLink name={name} />
        </span>
      ))}
      {names.length > SHOWN_CONSUMERS && ` and ${count(names.length - SHOWN_CONSUMERS)} more`}
    </>
  );
}

const actions = (edit: (queue: Queue) => void): Column<Queue> => ({
  key: "actions",
  title: "Actions",
  width: "5.5rem",
  cell: (queue) => (
    <>
      <Button kind="quiet" icon="edit" label={`Change ${queue.name}`} onClick={() => edit(queue)} />
      <Button kind="quiet" icon="trash" label={`Delete ${queue.name}`} onClick={() => void remove(queue)} />
    </>
  ),
});

async function remove(queue: Queue): Promise<void> {
  const names = namesFor(queue);
  const isSure = await confirm({
    title: `Delete queue ${queue.name}?`,
    text: (
      <>
        <p>Its declaration is deleted; the broker keeps the queue{queue.messages ? " with its messages" : ""}.</p>
        {names.length > 0 && (
          <p>
            {names.length === 1 ? "An instance stops" : `${count(names.length)} instances stop`} consuming from it:{" "}
            <span class="mono">{some(names)}</span>.
          </p>
        )}
      </>
    ),
    verb: "Delete",
  });
  if (isSure) await attempt(() => request("DELETE", path(queue.app, "queues", queue.name)), `${queue.name} is deleted`);
}
