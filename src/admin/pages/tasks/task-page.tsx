import type { ComponentChildren } from "preact";
import { path } from "../../api/request.ts";
import { Ago } from "../../kit/ago.tsx";
import { useFetched } from "../../kit/fetched.ts";
import { Card, Empty, PageHead } from "../../kit/parts.tsx";
import { tasks } from "../../state/live.ts";
import { href, route } from "../../state/router.ts";
import type { PageProps } from "../../pages.tsx";
import { unheardNow } from "./queue-choice.tsx";
import { TaskState } from "./task-state.tsx";

/** GET /<app>/query/<uuid>/. */
interface TaskDetail {
  readonly uuid: string;
  readonly state: string;
  readonly result: unknown;
  readonly error?: { readonly type: string; readonly message: string };
  readonly app: string | null;
  readonly queue: string | null;
  readonly task: string | null;
  readonly method: string | null;
  readonly url: string | null;
  readonly sent_at: string | null;
  readonly changed_at: string | null;
  readonly note?: string;
}

/** One task: what was sent, and what became of it. */
export function TaskPage({ path: [, uuid = ""] }: PageProps) {
  const told = tasks.value.get(uuid);
  const app = route.value.query.get("app") ?? told?.app ?? "";
  const { value: task, error } = useFetched<TaskDetail>(path(app, "query", uuid), told?.touched_at).value;
  return (
    <>
      <PageHead
        title={<span class="mono">{uuid}</span>}
        back={{ to: href("tasks"), label: "Tasks" }}
        note={task && <TaskState state={task.state} />}
      />
      {error !== null && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      {task && (
        <>
          <Sent {...task} />
          <Outcome {...task} />
        </>
      )}
    </>
  );
}

function Sent({ app, queue, task, method, url, state, sent_at: sentAt, changed_at: changedAt }: TaskDetail) {
  const trouble = state === "PENDING" && app !== null && queue !== null ? unheardNow({ app, queue }) : null;
  return (
    <Card title="What was sent">
      <dl class="card-body facts">
        <Fact name="App">{app ?? "–"}</Fact>
        <Fact name="Queue">
          <span class="mono">{queue ?? "–"}</span> {trouble !== null && <span class="warning">{trouble}</span>}
        </Fact>
        <Fact name={url === null ? "Task" : "Request"}>
          <span class="mono">{url === null ? (task ?? "–") : `${method ?? ""} ${url}`}</span>
        </Fact>
        <Fact name="Sent">
          <Ago at={sentAt} /> ago
        </Fact>
        <Fact name="Changed">
          <Ago at={changedAt} /> ago
        </Fact>
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Outcome({ state, result, error, note }: TaskDetail) {
  return (
    <Card title="Result">
      <div class="card-body outcome">
        {note !== undefined && <p class="hint">{note}</p>}
        {error && (
          <p class="form-error">
            <span>
              <b>{error.type}</b>: {error.message}
            </span>
          </p>
        )}
        {!error && state === "SUCCESS" && <Result value={result} />}
        {!error && state !== "SUCCESS" && note === undefined && (
          <Empty>There is none yet; it shows here once it comes.</Empty>
        )}
      </div>
    </Card>
  );
}

interface WebAnswer {
  readonly status_code: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
  readonly is_base64: boolean;
}

const isWebAnswer = (value: unknown): value is WebAnswer =>
  typeof value === "object" && value !== null && "status_code" in value && "content" in value;

function Result({ value }: { readonly value: unknown }) {
  if (!isWebAnswer(value)) return <Text label="Result" text={JSON.stringify(value, null, 2)} />;
  const headers = Object.entries(value.headers).map(([name, text]) => `${name}: ${text}`);
  return (
    <>
      <p>
        <b>{value.status_code}</b> <span class="mono">{value.url}</span>
      </p>
      <details>
        <summary>{headers.length} headers</summary>
        <Text label="Headers" text={headers.join("\n")} />
      </details>
      {value.is_base64 && <p class="hint">The content is no text: it is shown in base64.</p>}
      <Text label="Content" text={value.content} />
    </>
  );
}

/** Text of any length, which can be reached and scrolled with keys. */
function Text({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- What scrolls must be reached without a mouse.
    <pre class="text" role="region" aria-label={label} tabIndex={0}>
      {text}
    </pre>
  );
}
