import { useSignal } from "@preact/signals";
import type { App, Instance } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { Grid, type Column } from "../../kit/grid.tsx";
import { count } from "../../kit/numbers.ts";
import { Empty, PageHead } from "../../kit/parts.tsx";
import { apps } from "../../state/live.ts";
import { go, href, route, setQuery } from "../../state/router.ts";
import { may } from "../../state/session.ts";
import { isFound, SearchBox } from "../search-box.tsx";
import { AppForm } from "./app-form.tsx";
import { brokerText } from "./fields.ts";
import { removeApp } from "./remove.tsx";
import { rowOf, type AppRow } from "./row.ts";

/** All apps: what they are, and what hangs on them. */
export function AppsPage() {
  const edited = useSignal<App | null>(null);
  const rows = rowsOf().filter(({ app }) => isFound(app.name, app.arguments, brokerText(app)));
  const isAdmin = may("admin");
  const isAdding = isAdmin && route.value.query.get("add") === "1";
  return (
    <>
      <PageHead title="Apps" note={`${count(apps.value.size)} in the cluster, the same on every branch`}>
        {isAdmin && (
          <Button kind="main" icon="plus" onClick={() => setQuery({ add: "1" })}>
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
        onOpen={({ app }) => go(href("apps", app.name))}
        sort={route.value.query.get("sort") ?? "name"}
        onSort={(sort) => setQuery({ sort })}
        empty={<Empty>{apps.value.size === 0 ? "There is no app yet." : "No app has these words."}</Empty>}
      />
      {isAdding && <AppForm app={null} onClose={() => setQuery({ add: "" })} />}
      {edited.value !== null && <AppForm app={edited.value} onClose={() => (edited.value = null)} />}
    </>
  );
}

const rowsOf = (): AppRow[] => [...apps.value.values()].map(rowOf);

const isRunning = ({ state }: Instance) => state === "running";

const COLUMNS: readonly Column<AppRow>[] = [
  {
    key: "name",
    title: "App",
    width: "minmax(8rem, 1fr)",
    by: ({ app }) => app.name,
    cell: ({ app }) => (
      <a class="mono" href={href("apps", app.name)}>
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
    cell: ({ app, instances: members }) => (
      <a href={href("instances", { app: app.name })}>
        {count(members.filter(isRunning).length)} of {count(members.length)}
      </a>
    ),
  },
  {
    key: "queues",
    title: "Queues",
    width: "6rem",
    isNumber: true,
    isMinor: true,
    by: (row) => row.queues.length,
    cell: ({ app, queues: declared }) => <a href={href("queues", { app: app.name })}>{count(declared.length)}</a>,
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

const actions = (edit: (app: App) => void): Column<AppRow> => ({
  key: "actions",
  title: "Actions",
  width: "5.5rem",
  cell: (row) => (
    <>
      <Button kind="quiet" icon="edit" label={`Edit ${row.app.name}`} onClick={() => edit(row.app)} />
      <Button kind="quiet" icon="trash" label={`Delete ${row.app.name}`} onClick={() => void removeApp(row)} />
    </>
  ),
});
