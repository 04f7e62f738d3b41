import { useSignal } from "@preact/signals";
import { path } from "../api/request.ts";
import { Button } from "../kit/button.tsx";
import { useFetched } from "../kit/fetched.ts";
import { Card, Empty } from "../kit/parts.tsx";

/** What the worker itself says: Celery's stats. */
export function Stats({ app, name }: { readonly app: string; readonly name: string }) {
  const asked = useSignal(0);
  const { value, error } = useFetched<Record<string, unknown>>(
    `${path(app, "instances", name)}stats/`,
    asked.value,
  ).value;
  const again = (
    <Button icon="restart" onClick={() => (asked.value += 1)}>
      Ask again
    </Button>
  );
  return (
    <Card title="What the worker says" actions={again}>
      <div class="card-body">
        {error !== null && <Empty icon="warn">{error}</Empty>}
        {error === null && !value && <Empty>Asking the worker</Empty>}
        {error === null && value && <Tree value={value} />}
      </div>
    </Card>
  );
}

/** Any value as JSON has them, one name to a line. */
function Tree({ value }: { readonly value: unknown }) {
  if (typeof value !== "object" || value === null) return <span class="mono">{String(value)}</span>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <span class="dim">none</span>;
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return <span class="mono">{value.join(", ")}</span>;
  }
  return (
    <dl class="tree">
      {entries.map(([key, inner]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>
            <Tree value={inner} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
