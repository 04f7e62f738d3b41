import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useKeys } from "../state/keys.ts";
import { Icon } from "./icon.tsx";
import { isNarrow } from "./narrow.ts";
import { sortedBy } from "./sort.ts";
import { useSelection, type Selection } from "./selection.ts";

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** A track of CSS grid: `12rem`, `minmax(8rem, 1fr)`. */
  readonly width: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What it is sorted by; a column without it is not sortable. null comes last, whatever the direction. */
  readonly by?: (row: Row) => string | number | null;
  /** Digits stand below each other. */
  readonly isNumber?: boolean;
  /** Left out on phones. */
  readonly isMinor?: boolean;
}

export interface GridProps<Row> {
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

const ROW_PX = 40;
/** Rows beyond the edges, so that scrolling shows no gaps. */
const SPARE = 8;
const SELECT_WIDTH = "2.500rem";

/**
 * A table that draws the rows in sight alone, for thousands of them. Keys: j, k, arrows, Home and End move, Enter opens, Space selects
 * (with Shift from the last one on).
 */
export function Grid<Row>(props: GridProps<Row>) {
  const { rows: unsorted, rowKey, columns: all, label, sort } = props;
  const columns = isNarrow.value ? all.filter(({ isMinor }) => !isMinor) : all;
  const rows = sortedBy(unsorted, all, sort);
  const scroller = useRef<HTMLDivElement>(null);
  const view = useView(scroller);
  const first = Math.max(0, Math.floor(view.value.top / ROW_PX) - SPARE);
  const last = Math.min(rows.length, Math.ceil((view.value.top + view.value.height) / ROW_PX) + SPARE);
  const selection = useSelection(rows.map(rowKey), props.selected, props.onSelect);
  const cursor = useCursor(rows.map(rowKey), scroller, {
    open: (at) => rows[at] !== undefined && props.onOpen?.(rows[at]),
    select: (at, isRange) => selection?.toggle(at, isRange),
  });
  const template = [...(selection ? [SELECT_WIDTH] : []), ...columns.map(({ width }) => width)].join(" ");
  const shared = { columns, rowKey, selection, cursor, onOpen: props.onOpen };
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
        <Head columns={columns} sort={sort} onSort={props.onSort} selection={selection} count={rows.length} />
      </div>
      <div role="rowgroup" class="grid-body" style={{ height: `${rows.length * ROW_PX}px` }}>
        {rows.slice(first, last).map((row, at) => (
          <GridRow key={rowKey(row)} row={row} at={first + at} {...shared} />
        ))}
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
  const tracks = template.matchAll(/(?:minmax\()?([\d.]+)rem/g);
  return padding + [...tracks].reduce((sum, [, width]) => sum + Number(width), 0);
}

interface HeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly selection: Selection | undefined;
  readonly count: number;
}

function Head<Row>({ columns, sort, onSort, selection, count }: HeadProps<Row>) {
  const [key, isDown] = sort.startsWith("-") ? [sort.slice(1), true] : [sort, false];
  return (
    <div role="row" class="grid-row" aria-rowindex={1}>
      {selection && (
        <div role="columnheader" class="grid-select">
          <input
            type="checkbox"
            aria-label={`Select all ${count} rows`}
            checked={selection.hasAll}
            indeterminate={selection.size > 0 && !selection.hasAll}
            onChange={() => selection.toggleAll()}
          />
        </div>
      )}
      {columns.map((column) => (
        <div
          role="columnheader"
          key={column.key}
          class={column.isNumber ? "is-number" : ""}
          aria-sort={key !== column.key ? "none" : isDown ? "descending" : "ascending"}
        >
          {column.by ? (
            <button type="button" onClick={() => onSort(key === column.key && !isDown ? `-${key}` : column.key)}>
              {column.title}
              {key === column.key && <Icon name={isDown ? "down" : "up"} />}
            </button>
          ) : (
            <span>{column.title}</span>
          )}
        </div>
      ))}
    </div>
  );
}

interface RowProps<Row> {
  readonly row: Row;
  readonly at: number;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly selection: Selection | undefined;
  readonly cursor: Cursor;
  readonly onOpen: ((row: Row) => void) | undefined;
}

function GridRow<Row>({ row, at, columns, rowKey, selection, cursor, onOpen }: RowProps<Row>) {
  const key = rowKey(row);
  const isSelected = selection?.has(key) ?? false;
  const click = (event: MouseEvent) => {
    // Links and buttons in the row are what they are.
    if ((event.target as Element).closest("a, button, input, label")) return;
    cursor.set(key);
    if (event.shiftKey && selection) selection.toggle(at, true);
    else onOpen?.(row);
  };
  return (
    <div
      role="row"
      class={`grid-row${isSelected ? " is-selected" : ""}${onOpen ? " is-link" : ""}`}
      aria-rowindex={at + 2}
      aria-selected={selection ? isSelected : undefined}
      tabIndex={cursor.is(key, at) ? 0 : -1}
      data-key={key}
      style={{ transform: `translateY(${at * ROW_PX}px)` }}
      onClick={click}
      onFocus={() => cursor.set(key)}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
    >
      {selection && (
        <div role="gridcell" class="grid-select">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${key}`}
            checked={isSelected}
            onClick={(event) => selection.toggle(at, event.shiftKey)}
          />
        </div>
      )}
      {columns.map((column) => (
        <div role="gridcell" key={column.key} class={column.isNumber ? "is-number" : ""}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

interface View {
  readonly top: number;
  readonly height: number;
}

/** What of the table is in sight, in pixels. */
function useView(scroller: { readonly current: HTMLDivElement | null }) {
  const view = useSignal<View>({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const look = () => {
      view.value = { top: element.scrollTop, height: element.clientHeight };
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  return view;
}

interface Cursor {
  readonly is: (key: string, at: number) => boolean;
  readonly set: (key: string) => void;
}

interface CursorActions {
  readonly open: (at: number) => void;
  readonly select: (at: number, isRange: boolean) => void;
}

/** The row that keys are about: one of all that Tab stops at. */
function useCursor(keys: readonly string[], scroller: { readonly current: HTMLDivElement | null }, act: CursorActions) {
  const key = useSignal<string | null>(null);
  const isToFocus = useRef(false);
  const at = key.value === null ? -1 : keys.indexOf(key.value);
  useEffect(() => {
    if (!isToFocus.current) return;
    isToFocus.current = false;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key.value ?? "")}"]`);
    row?.focus({ preventScroll: true });
  });
  const moveTo = (event: KeyboardEvent, to: number) => {
    event.preventDefault();
    const target = keys[Math.min(keys.length - 1, Math.max(0, to))];
    if (target === undefined) return;
    isToFocus.current = true;
    reveal(scroller.current, keys.indexOf(target));
    // Written anew, so that a row that is the cursor already takes the focus too.
    key.value = null;
    key.value = target;
  };
  const page = () => Math.floor((scroller.current?.clientHeight ?? ROW_PX) / ROW_PX) - 1;
  const isFocused = () => scroller.current?.contains(document.activeElement) ?? false;
  const ifFocused = (work: (event: KeyboardEvent) => void) => (event: KeyboardEvent) => {
    if (isFocused()) work(event);
  };
  useKeys({
    j: (event) => moveTo(event, at + 1),
    k: (event) => moveTo(event, at - 1),
    ArrowDown: ifFocused((event) => moveTo(event, at + 1)),
    ArrowUp: ifFocused((event) => moveTo(event, at - 1)),
    PageDown: ifFocused((event) => moveTo(event, at + page())),
    PageUp: ifFocused((event) => moveTo(event, at - page())),
    Home: ifFocused((event) => moveTo(event, 0)),
    End: ifFocused((event) => moveTo(event, keys.length - 1)),
    Enter: ifFocused((event) => isRow(event.target) && at >= 0 && act.open(at)),
    " ": ifFocused((event) => {
      if (!isRow(event.target) || at < 0) return;
      event.preventDefault();
      act.select(at, event.shiftKey);
    }),
    x: () => at >= 0 && act.select(at, false),
    X: () => at >= 0 && act.select(at, true),
  });
  const cursor: Cursor = {
    is: (other, index) => (at < 0 ? index === 0 : other === key.value),
    set: (next) => {
      key.value = next;
    },
  };
  return cursor;
}

const isRow = (target: EventTarget | null) => target instanceof HTMLElement && target.getAttribute("role") === "row";

/** Scrolls just as far as needed for a row to be in sight, below the head. */
function reveal(scroller: HTMLElement | null, at: number): void {
  if (!scroller) return;
  const head = scroller.firstElementChild?.clientHeight ?? 0;
  const top = at * ROW_PX;
  const height = scroller.clientHeight - head;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + ROW_PX > scroller.scrollTop + height) scroller.scrollTop = top + ROW_PX - height;
}
