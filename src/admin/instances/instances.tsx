import { useComputed } from "@preact/signals";
import type { Instance, InstanceState } from "../api/types.ts";
import { Button } from "../kit/button.tsx";
import { Grid } from "../kit/grid.tsx";
import { Empty, PageHead } from "../kit/parts.tsx";
import { STATE_NAMES, StateMark } from "../kit/state-mark.tsx";
import { Choice } from "../pages/choice.tsx";
import { SearchBox } from "../pages/search-box.tsx";
import { instances, isLoaded } from "../state/live.ts";
import { go, href, route, setQuery } from "../state/router.ts";
import { may } from "../state/session.ts";
import { BulkBar } from "./bulk-bar.tsx";
import { instanceColumns } from "./columns.tsx";
import { filterOf, inStates, namesIn, toggledState, withoutStates } from "./filter.ts";
import { AddInstance } from "./instance-form.tsx";

/** All instances of all branches: found, sorted, and several at once worked on. */
export function Instances() {
  const { query } = route.value;
  const filter = filterOf(query);
  const passing = useComputed(() => withoutStates(instances.value.values(), filterOf(route.value.query)));
  const rows = inStates(passing.value, filter);
  const selected = namesIn(query.get("selected"));
  const chosen = [...selected].flatMap((name) => instances.value.get(name) ?? []);
  const total = instances.value.size;
  const canAct = may("operator");
  const isAdding = canAct && query.get("add") === "1";
  return (
    <>
      <PageHead title="Instances" note={isLoaded.value ? `${rows.length} of ${total}` : "loading"}>
        {canAct && (
          <Button kind="main" icon="plus" onClick={() => setQuery({ add: "1" })}>
            Add instance
          </Button>
        )}
      </PageHead>
      <div class="filters">
        <SearchBox label="Search instances" />
        <Choice label="App" name="app" values={valuesIn("app")} />
        <Choice label="Branch" name="branch" values={valuesIn("branch")} />
        <StateFilter instances={passing.value} />
      </div>
      {canAct && chosen.length > 0 && (
        <BulkBar selected={chosen} onDone={(left) => setQuery({ selected: left.join() })} />
      )}
      <Grid
        label="Instances"
        rows={rows}
        columns={instanceColumns}
        rowKey={({ name }) => name}
        onOpen={({ name }) => go(href("instances", name))}
        sort={query.get("sort") ?? "name"}
        onSort={(sort) => setQuery({ sort: sort === "name" ? "" : sort })}
        {...(canAct && { selected, onSelect: (next: ReadonlySet<string>) => setQuery({ selected: [...next].join() }) })}
        empty={<Nothing total={total} />}
      />
      {isAdding && isLoaded.value && <AddInstance app={filter.app} onClose={() => setQuery({ add: "" })} />}
    </>
  );
}

const valuesIn = (key: "app" | "branch") =>
  [...new Set([...instances.value.values()].map((instance) => instance[key]))].toSorted();

function StateFilter({ instances: passing }: { readonly instances: readonly Instance[] }) {
  const filter = filterOf(route.value.query);
  const counts = Map.groupBy(passing, ({ state }) => state);
  const shown = STATE_NAMES.filter((state) => counts.has(state) || filter.states.has(state));
  const toggle = (state: InstanceState) => setQuery({ state: toggledState(filter, state) });
  return (
    <div class="state-filter" role="group" aria-label="States">
      {shown.map((state) => (
        <button key={state} type="button" aria-pressed={filter.states.has(state)} onClick={() => toggle(state)}>
          <StateMark state={state} count={counts.get(state)?.length ?? 0} />
        </button>
      ))}
    </div>
  );
}

function Nothing({ total }: { readonly total: number }) {
  if (!isLoaded.value) return <Empty>Loading</Empty>;
  return (
    <Empty icon="instances">
      {total === 0 ? <p>There are no instances yet.</p> : <p>No instance is as the filter wants it.</p>}
      {total > 0 && <Button onClick={() => go(href("instances"))}>Show all {total}</Button>}
    </Empty>
  );
}
