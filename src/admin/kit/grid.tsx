import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Column } from "./column.ts";
import { ROW_PX, useCursor } from "./cursor.ts";
import { GridHead } from "./grid-head.tsx";
import { GridRows, useView, type RowActions } from "./grid-rows.tsx";
import { isNarrow } from "./narrow.ts";
import { useSelection } from "./selection.ts";
import { sortedBy } from "./sort.ts";

export type { Column } from "./column.ts";

interface GridProps<Row> {
  /** What the table shows, for who hears it. */
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** Enter, or a click on the row. */
  readonly onOpen?: ((row: Row) => void) | undefined;
  /** `name` or `-name`. */
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  /** Keys of the selected rows; without it none can be selected. */
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  /** Shown instead of rows where there are none. */
  readonly empty: ComponentChildren;
}

const SELECT_WIDTH = "2.5rem";

/**
 * A table that draws the rows in sight alone, for thousands of them. Keys: j, k, arrows, Home and End move, Enter opens, Space selects
 * (with Shift from the last one on).
 */
export function Grid<Row>(props: GridProps<Row>) {
  const { columns: all, label, sort } = props;
  const columns = useMemo(() => (isNarrow.value ? all.filter(({ isMinor }) => !isMinor) : all), [all, isNarrow.value]);
  const rows = sortedBy(props.rows, all, sort);
  const keys = rows.map(props.rowKey);
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const selection = useSelection(keys, props.selected, props.onSelect);
  const cursor = useCursor(keys, scroller, {
    open: (at) => rows[at] !== undefined && props.onOpen?.(rows[at]),
    select: (at, isRange) => selection?.toggle(at, isRange),
  });
  const actions = useRef<RowActions<Row>>({ selection, cursor, onOpen: props.onOpen });
  actions.current = { selection, cursor, onOpen: props.onOpen };
  const template = [...(selection ? [SELECT_WIDTH] : []), ...columns.map(({ width }) => width)].join(" ");
  return (
    <div
      class="grid"
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + (selection ? 1 : 0)}
      aria-multiselectable={selection !== undefined}
      ref={scroller}
      style={{ "--columns": template, "--least": `${leastWidth(template)}rem` }}
    >
      <div role="rowgroup" class="grid-head">
        <GridHead columns={columns} sort={sort} onSort={props.onSort} selection={selection} count={rows.length} />
      </div>
      <div role="rowgroup" class="grid-body" style={{ height: `${rows.length * ROW_PX}px` }}>
        <GridRows rows={rows} keys={keys} columns={columns} view={view} actions={actions} />
        {rows.length === 0 && (
          <div role="row" class="grid-empty">
            <div role="gridcell">{props.empty}</div>
          </div>
        )}
      </div>
    </div>
  );
}

/** What the columns need at least, so that head and rows are of one width where it is more than there is. */
function leastWidth(template: string): number {
  const padding = 1;
  const tracks = template.matchAll(/([\d.]+)rem/g);
  return padding + [...tracks].reduce((sum, [, width]) => sum + Number(width), 0);
}
