import { useSignal } from "@preact/signals";
import { path, request } from "../../api/request.ts";
import type { App, Instance } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { confirm } from "../../kit/dialog.tsx";
import { Grid, type Column } from "../../kit/grid.tsx";
import { count, Empty, PageHead } from "../../kit/parts.tsx";
import { apps, instances, queues } from "../../state/live.ts";
import { go, href, route, setQuery } from "../../state/router.ts";
import { may } from "../../state/session.ts";
import { attempt } from "../../state/toasts.ts";
import { some } from "../named.ts";
import { isFound, SearchBox } from "../search-box.tsx";
import { AppForm } from "./app-form.tsx";
import { brokerText } from "./fields.ts";

/** An app with what it has. */
interface Row {
  readonly app: App;
  readonly instances: readonly Instance[];
  readonly queues: number;
}

/** All apps: what they are, and what hangs on them. */
export function AppsPage() {
  const edited = useSignal<App | "new" | null>(null);
  const rows = rowsOf().filter(({ app }) => isFound(app.name, app.arguments, brokerText(app)));
  const isAdmin = may("admin");
  return (
    <>
      <PageHead title="Apps" note={`${count(apps.value.size)} in the cluster, the same on every branch`}>
        {isAdmin && (
          <Button kind="main" icon="plus" onClick={() => (edited.value = "new")}>
            Add app
          </Button>
        )}
      </PageHead>
      <div class="filters">
        <SearchBox label="Search apps" />
      </div>
      <Grid
        label="Apps"
        rows={rows}
        columns={isAdmin ? [...COLUMNS, actions((app) => (edited.value = app))] : COLUMNS}
        rowKey={({ app }) => app.name}
        onOpen={({ app }) => go(href("instances", { app: app.name }))}
        sort={route.value.query.get("sort") ?? "name"}
        onSort={(sort) => setQuery({ sort })}
        empty={<Empty>{apps.value.size === 0 ? "There is no app yet." : "No app has these words."}</Empty>}
      />
      {edited.value !== null && (
        <AppForm app={edited.value === "new" ? null : edited.value} onClose={() => (edited.value = null)} />
      )}
    </>
  );
}

function rowsOf(): Row[] {
  const members = Map.groupBy(instances.value.values(), ({ app }) => app);
  const declared = Map.groupBy(queues.value.values(), ({ app }) => app);
  return [...apps.value.values()].map((app) => ({
    app,
    instances: members.get(app.name) ?? [],
    queues: declared.get(app.name)?.length ?? 0,
  }));
}

const isRunning = ({ state }: Instance) => state === "running";

const COLUMNS: readonly Column<Row>[] = [
  {
    key: "name",
    title: "App",
    width: "minmax(8rem, 1fr)",
    by: ({ app }) => app.name,
    cell: ({ app }) => (
      <a class="mono" href={href("instances", { app: app.name })}>
        {app.name}
      </a>
    ),
  },
  {
    key: "instances",
    title: "Running",
    width: "8rem",
    isNumber: true,
    by: (row) => row.instances.length,
    cell: (row) => `${count(row.instances.filter(isRunning).length)} of ${count(row.instances.length)}`,
  },
  {
    key: "queues",
    title: "Queues",
    width: "6rem",
    isNumber: true,
    isMinor: true,
    by: (row) => row.queues,
    cell: ({ app, queues: declared }) => <a href={href("queues", { app: app.name })}>{count(declared)}</a>,
  },
  {
    key: "broker",
    title: "Broker",
    width: "minmax(10rem, 1.5fr)",
    isMinor: true,
    by: ({ app }) => brokerText(app),
    cell: ({ app }) => <span class="mono">{brokerText(app)}</span>,
  },
  {
    key: "arguments",
    title: "Arguments",
    width: "minmax(8rem, 1.5fr)",
    isMinor: true,
    by: ({ app }) => app.arguments,
    cell: ({ app }) => <span class="mono">{app.arguments ?? "–"}</span>,
  },
];

const actions = (edit: (app: App) => void): Column<Row> => ({
  key: "actions",
  title: "Actions",
  width: "5.5rem",
  cell: (row) => (
    <>
      <Button kind="quiet" icon="edit" label={`Edit ${row.app.name}`} onClick={() => edit(row.app)} />
      <Button kind="quiet" icon="trash" label={`Delete ${row.app.name}`} onClick={() => void remove(row)} />
    </>
  ),
});

async function remove({ app, instances: members, queues: declared }: Row): Promise<void> {
  const names = members.map(({ name }) => name);
  const isSure = await confirm({
    title: `Delete app ${app.name}?`,
    text: (
      <>
        {names.length === 0 ? (
          <p>It has no instances.</p>
        ) : (
          <p>
            {names.length === 1 ? "Its instance is" : `Its ${count(names.length)} instances are`} stopped on every
            branch and deleted: <span class="mono">{some(names)}</span>. Running tasks may finish first.
          </p>
        )}
        {declared > 0 && <p>Its {declared === 1 ? "queue is" : `${count(declared)} queues are`} deleted too.</p>}
      </>
    ),
    verb: "Delete",
  });
  if (isSure) await attempt(() => request("DELETE", path(app.name)), `App ${app.name} is deleted`);
}
