import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../../api/request.ts";
import type { Task } from "../../api/types.ts";
import { Ago } from "../../kit/ago.tsx";
import { Button } from "../../kit/button.tsx";
import { useFetched } from "../../kit/fetched.ts";
import { Grid, type Column } from "../../kit/grid.tsx";
import { Empty, PageHead } from "../../kit/parts.tsx";
import { apps, tasks } from "../../state/live.ts";
import { go, href, route, setQuery } from "../../state/router.ts";
import { may } from "../../state/session.ts";
import { attempt } from "../../state/toasts.ts";
import { Choice } from "../choice.tsx";
import { SearchBox } from "../search-box.tsx";
import { merged, type TaskFilter } from "./list.ts";
import { TaskForm } from "./task-form.tsx";
import { TASK_STATES, TaskState } from "./task-state.tsx";
import { UrlForm } from "./url-form.tsx";

const PAGE = 100;

/** Tasks that were sent through Cyme, the last heard of first, as their states change. */
export function TasksPage() {
  const sending = useSignal<"url" | "task" | null>(null);
  const { filter, rows, trouble, older } = useTasks();
  const appNames = [...apps.value.keys()].toSorted();
  const app = filter.app || (appNames[0] ?? "");
  const close = () => {
    sending.value = null;
  };
  return (
    <>
      <PageHead title="Tasks" note="Sent through Cyme; kept for a day after they last changed, unless told otherwise">
        {may("operator") && appNames.length > 0 && (
          <>
            <Button kind="main" icon="tasks" onClick={() => (sending.value = "url")}>
              Send a URL
            </Button>
            <Button icon="tasks" onClick={() => (sending.value = "task")}>
              Send a task
            </Button>
          </>
        )}
      </PageHead>
      <div class="filters">
        <SearchBox label="Search tasks" />
        <Choice label="App" name="app" values={appNames} />
        <Choice label="State" name="state" values={TASK_STATES} />
      </div>
      {trouble && (
        <p class="form-error" role="alert">
          {trouble}
        </p>
      )}
      <Grid
        label="Tasks"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ uuid }) => uuid}
        onOpen={(task) => go(linkOf(task))}
        sort={route.value.query.get("sort") ?? "-touched"}
        onSort={(sort) => setQuery({ sort })}
        empty={
          <Empty>{filter.app + filter.state + filter.text === "" ? "No task was sent." : "None is like that."}</Empty>
        }
      />
      {older && (
        <p class="more">
          <Button icon="down" onClick={() => void attempt(older)}>
            Show older
          </Button>
        </p>
      )}
      {sending.value === "url" && <UrlForm app={app} onClose={close} />}
      {sending.value === "task" && <TaskForm app={app} onClose={close} />}
    </>
  );
}

/** What the address asks for: fetched, then kept up by what the branch tells. `older` is there while there may be more. */
function useTasks() {
  const { query } = route.value;
  const filter: TaskFilter = {
    app: query.get("app") ?? "",
    state: query.get("state") ?? "",
    text: query.get("q") ?? "",
  };
  const wanted = `${filter.app} ${filter.state}`;
  const first = useFetched<readonly Task[]>(placeOf(filter), undefined).value;
  const further = useSignal<readonly Task[]>([]);
  const isEnd = useSignal(false);
  useEffect(() => {
    further.value = [];
    isEnd.value = false;
  }, [wanted]);
  const fetched = [...(first.value ?? []), ...further.value];
  const oldest = fetched.at(-1);
  const hasMore = !isEnd.value && oldest !== undefined && fetched.length >= PAGE;
  const older = async () => {
    const more = await request<readonly Task[]>("GET", placeOf(filter, oldest?.touched_at));
    further.value = [...further.value, ...more];
    isEnd.value = more.length < PAGE;
  };
  const rows = merged(fetched, tasks.value.values(), filter);
  return { filter, rows, trouble: first.error, older: hasMore ? older : undefined };
}

/** The tasks that were heard of last, or those before a moment. */
function placeOf({ app, state }: TaskFilter, before?: string): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (app !== "") query.set("app", app);
  if (state !== "") query.set("state", state);
  if (before !== undefined) query.set("before", before);
  return `/api/tasks/?${query}`;
}

const linkOf = ({ uuid, app }: Task) => href("tasks", uuid, { app });

const COLUMNS: readonly Column<Task>[] = [
  {
    key: "state",
    title: "State",
    width: "7rem",
    by: ({ state }) => TASK_STATES.indexOf(state),
    cell: ({ state }) => <TaskState state={state} />,
  },
  {
    key: "what",
    title: "What",
    width: "minmax(10rem, 3fr)",
    by: ({ url, name }) => url ?? name,
    cell: (task) => (
      <a class="mono" href={linkOf(task)}>
        {task.url === null ? (task.name ?? task.uuid) : `${task.method ?? ""} ${task.url}`}
      </a>
    ),
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
    key: "queue",
    title: "Queue",
    width: "minmax(6rem, 1fr)",
    isMinor: true,
    by: ({ queue }) => queue,
    cell: ({ queue }) => <span class="mono">{queue}</span>,
  },
  {
    key: "sent",
    title: "Sent",
    width: "6.5rem",
    isNumber: true,
    isMinor: true,
    by: ({ sent_at: at }) => at,
    cell: ({ sent_at: at }) => <Ago at={at} />,
  },
  {
    key: "touched",
    title: "Changed",
    width: "6.5rem",
    isNumber: true,
    by: ({ touched_at: at }) => at,
    cell: ({ touched_at: at }) => <Ago at={at} />,
  },
];
