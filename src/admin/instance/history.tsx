import { path } from "../api/request.ts";
import type { HistoryAnswer } from "../../client/types.ts";
import { useFetched } from "../kit/fetched.ts";
import { Empty } from "../kit/parts.tsx";
import { moment } from "../state/time.ts";

interface HistoryProps {
  readonly app: string;
  readonly name: string;
  /** Another one when there may be more to show. */
  readonly stamp: string;
}

/** What the supervisor did to the instance, newest first, and why. */
export function History({ app, name, stamp }: HistoryProps) {
  const { value: entries, error } = useFetched<readonly HistoryAnswer[]>(
    `${path(app, "instances", name)}history/`,
    stamp,
  ).value;
  if (error !== null) return <Empty icon="warn">{error}</Empty>;
  if (!entries) return <Empty>Loading</Empty>;
  if (entries.length === 0) return <Empty>Nothing has happened yet.</Empty>;
  return (
    <ol class="card history">
      {entries.map(({ at, did, why, evidence }, index) => (
        <li key={`${at} ${index}`}>
          <time dateTime={at}>{moment(at)}</time>
          <b>{did}</b>
          <span>
            {why}
            <Evidence evidence={evidence} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function Evidence({ evidence }: { readonly evidence: unknown }) {
  if (evidence === null || evidence === undefined || evidence === "") return null;
  if (typeof evidence === "string") return <pre class="evidence">{evidence}</pre>;
  const text = JSON.stringify(evidence, null, 1).replace(/\n\s*/g, " ");
  return text === "{}" || text === "{ }" ? null : <pre class="evidence">{text}</pre>;
}
