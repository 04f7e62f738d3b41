import { useSignal } from "@preact/signals";
import { request } from "../../api/request.ts";
import type { Role } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { useFetched } from "../../kit/fetched.ts";
import { Grid, type Column } from "../../kit/grid.tsx";
import { Empty, PageHead } from "../../kit/parts.tsx";
import { route, setQuery } from "../../state/router.ts";
import { moment } from "../../state/time.ts";
import { attempt } from "../../state/toasts.ts";
import { isFound, SearchBox } from "../search-box.tsx";

/** One of GET /api/audit/. */
interface AuditEntry {
  readonly at: string;
  /** Null where nobody was named. */
  readonly who: string | null;
  readonly role: Role | null;
  readonly by: string | null;
  readonly from: string | null;
  readonly branch: string;
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly status: number;
}

interface Row extends AuditEntry {
  readonly key: string;
}

const PAGE = 100;

/** Who changed what, when and from where, newest first; also what was refused. */
export function AuditPage() {
  const asked = useSignal(0);
  const first = useFetched<readonly AuditEntry[]>(placeOf(), asked.value).value;
  const further = useSignal<readonly AuditEntry[]>([]);
  const isEnd = useSignal(false);
  const entries = [...(first.value ?? []), ...further.value];
  const oldest = entries.at(-1);
  const reload = () => {
    further.value = [];
    isEnd.value = false;
    asked.value += 1;
  };
  const older = async () => {
    const more = await request<readonly AuditEntry[]>("GET", placeOf(oldest?.at));
    further.value = [...further.value, ...more];
    isEnd.value = more.length < PAGE;
  };
  const rows = withKeys(entries).filter((entry) =>
    isFound(entry.who, entry.method, entry.path, textOf(entry.params), entry.from, entry.branch, String(entry.status)),
  );
  return (
    <>
      <PageHead title="Audit" note="Changes and log-ins of all branches, also those that were refused; not tasks">
        <Button icon="restart" onClick={reload}>
          Refresh
        </Button>
      </PageHead>
      <div class="filters">
        <SearchBox label="Search the audit" />
      </div>
      {first.error !== null && (
        <p class="form-error" role="alert">
          {first.error}
        </p>
      )}
      <Grid
        label="Audit"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ key }) => key}
        sort={route.value.query.get("sort") ?? "-at"}
        onSort={(sort) => setQuery({ sort })}
        empty={<Empty>{first.value || first.error !== null ? "There is nothing like that." : "Fetching …"}</Empty>}
      />
      {!isEnd.value && entries.length >= PAGE && (
        <p class="more">
          <Button icon="down" onClick={() => void attempt(older)}>
            Show older
          </Button>
        </p>
      )}
    </>
  );
}

/** The newest entries, or those before a moment. */
const placeOf = (before?: string) =>
  `/api/audit/?${new URLSearchParams({ limit: String(PAGE), ...(before !== undefined && { before }) })}`;

/** Entries have no name of their own, and several may be of one moment. */
function withKeys(entries: readonly AuditEntry[]): Row[] {
  return entries.map((entry, at) => ({ ...entry, key: `${entry.at} ${at}` }));
}

const textOf = (params: AuditEntry["params"]) =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${valueText(name, value)}`)
    .join(" ");

/** A password was there, but is not kept. */
function valueText(name: string, value: unknown): string {
  if (name === "password" && value === null) return "***";
  return typeof value === "string" ? value : JSON.stringify(value);
}

const SHORT = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;

/** A moment without its year, in the reader's time zone. */
const shortMoment = (at: string) => new Date(at).toLocaleString(undefined, { ...SHORT, hourCycle: "h23" });

/** Who asked; of a log-in who wanted to be let in, since nobody is known before. */
const nameOf = ({ who, params, by }: AuditEntry) =>
  who ?? (typeof params["name"] === "string" ? params["name"] : (by ?? "nobody known"));

const COLUMNS: readonly Column<Row>[] = [
  {
    key: "at",
    title: "When",
    width: "9rem",
    by: ({ at }) => at,
    cell: ({ at }) => (
      <time dateTime={at} title={moment(at)}>
        {shortMoment(at)}
      </time>
    ),
  },
  {
    key: "who",
    title: "Who",
    width: "minmax(6rem, 1fr)",
    by: nameOf,
    cell: (entry) => (
      <>
        {nameOf(entry)} <span class="dim">{entry.role ?? ""}</span>
      </>
    ),
  },
  {
    key: "what",
    title: "What",
    width: "minmax(10rem, 2fr)",
    by: ({ path }) => path,
    cell: ({ method, path }) => (
      <span class="mono">
        {method} {path}
      </span>
    ),
  },
  {
    key: "params",
    title: "With",
    width: "minmax(8rem, 2fr)",
    isMinor: true,
    cell: ({ params }) => (
      <span class="mono" title={textOf(params)}>
        {textOf(params)}
      </span>
    ),
  },
  {
    key: "status",
    title: "Answer",
    width: "5.5rem",
    isNumber: true,
    by: ({ status }) => status,
    cell: ({ status }) => <span class={status >= 400 ? "warning" : ""}>{status}</span>,
  },
  {
    key: "from",
    title: "From",
    width: "minmax(7rem, 1fr)",
    isMinor: true,
    by: ({ from }) => from,
    cell: ({ from, by }) => from ?? by,
  },
  {
    key: "branch",
    title: "Branch",
    width: "minmax(6rem, 1fr)",
    isMinor: true,
    by: ({ branch }) => branch,
    cell: ({ branch }) => branch,
  },
];
