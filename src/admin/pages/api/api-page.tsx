import { useMemo } from "preact/hooks";
import { useFetched } from "../../kit/fetched.ts";
import { Card, Empty, PageHead } from "../../kit/parts.tsx";
import { isFound, SearchBox } from "../search-box.tsx";
import { callsByTag, type Call, type Description } from "./description.ts";

/** What programs can ask this branch for: its own description, to read and to copy from. */
export function ApiPage() {
  const { value, error } = useFetched<Description>("/openapi.json", "").value;
  const groups = useMemo(() => (value ? callsByTag(value, location.origin) : new Map<string, Call[]>()), [value]);
  const found = [...groups]
    .map(([tag, calls]) => ({ tag, calls: calls.filter((call) => isFound(tag, call.method, call.path, call.summary)) }))
    .filter(({ calls }) => calls.length > 0);
  return (
    <>
      <PageHead
        title="API"
        note={
          <>
            What programs can ask for, as <a href="/openapi.json">openapi.json</a> describes it
          </>
        }
      />
      <div class="filters">
        <SearchBox label="Search the API" />
      </div>
      {error !== null && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      <div class="calls">
        {found.length === 0 && <Empty>{value ? "Nothing is like that." : "Fetching …"}</Empty>}
        {found.map(({ tag, calls }) => (
          <Card key={tag} title={tag}>
            {calls.map((call) => (
              <CallView key={call.id} call={call} />
            ))}
          </Card>
        ))}
      </div>
    </>
  );
}

function CallView({ call }: { readonly call: Call }) {
  return (
    <details class="call">
      <summary>
        <span class="verb mono">{call.method}</span> <span class="mono">{call.path}</span>
        <span class="dim"> {call.summary}</span>
      </summary>
      <p>
        Takes the role <strong>{call.role}</strong>. Try it:
      </p>
      <pre class="text" tabIndex={0}>
        {call.curl}
      </pre>
      {call.params.length > 0 && <Params call={call} />}
      <p>
        Answers{" "}
        {call.answers.map(({ status, error }, at) => (
          <span key={status}>
            {at > 0 && ", "}
            {status}
            {error !== null && <span class="dim"> {error}</span>}
          </span>
        ))}
      </p>
    </details>
  );
}

function Params({ call }: { readonly call: Call }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Parameter</th>
          <th scope="col">In</th>
          <th scope="col">What it is</th>
        </tr>
      </thead>
      <tbody>
        {call.params.map(({ name, place, kind, about }) => (
          <tr key={`${place} ${name}`}>
            <td class="mono">{name}</td>
            <td>{place}</td>
            <td>
              {about} <span class="dim">{kind}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
