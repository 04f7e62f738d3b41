import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Column } from "./column.ts";
import { ROW_PX, type Cursor } from "./cursor.ts";
import type { Selection } from "./selection.ts";

/** What of the table is in sight, in pixels. */
export interface View {
  readonly top: number;
  readonly height: number;
}

/** What rows do; read when they do it, so that a row need not be drawn anew because that has changed. */
export interface RowActions<Row> {
  readonly selection: Selection | undefined;
  readonly cursor: Cursor;
  readonly onOpen: ((row: Row) => void) | undefined;
}

interface RowsProps<Row> {
  readonly rows: readonly Row[];
  readonly keys: readonly string[];
  readonly columns: readonly Column<Row>[];
  readonly view: ReadonlySignal<View>;
  readonly actions: { readonly current: RowActions<Row> };
}

/** Beyond the edges, so that scrolling shows no gaps. */
const SPARE = 8;

/** The rows in sight. Scrolling draws those that come; the others stay as they are. */
export function GridRows<Row>({ rows, keys, columns, view, actions }: RowsProps<Row>) {
  const drawn = useRef(new Map<string, Drawn>());
  const { top, height } = view.value;
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW_PX) + SPARE);
  const { selection, cursor, onOpen } = actions.current;
  const before = drawn.current;
  drawn.current = new Map();
  return (
    <>
      {rows.slice(first, last).map((row, index) => {
        const at = first + index;
        const key = keys[at] ?? "";
        const isSelected = selection?.has(key) ?? false;
        const isCursor = cursor.is(key, at);
        const of: readonly unknown[] = [
          row,
          at,
          isSelected,
          isCursor,
          columns,
          selection === undefined,
          onOpen === undefined,
        ];
        const known = before.get(key);
        const node =
          known && of.every((value, place) => value === known.of[place]) ? (
            known.node
          ) : (
            <GridRow key={key} {...{ row, rowKey: key, at, columns, actions, isSelected, isCursor }} />
          );
        drawn.current.set(key, { of, node });
        return node;
      })}
    </>
  );
}

/** A row, and what it was drawn of. */
interface Drawn {
  readonly of: readonly unknown[];
  readonly node: VNode;
}

interface RowProps<Row> {
  readonly row: Row;
  readonly rowKey: string;
  readonly at: number;
  readonly columns: readonly Column<Row>[];
  readonly actions: { readonly current: RowActions<Row> };
  readonly isSelected: boolean;
  readonly isCursor: boolean;
}

function GridRow<Row>({ row, rowKey, at, columns, actions, isSelected, isCursor }: RowProps<Row>) {
  const { selection, onOpen } = actions.current;
  const click = (event: MouseEvent) => {
    const act = actions.current;
    // Links and buttons in the row are what they are.
    if ((event.target as Element).closest("a, button, input, label")) return;
    act.cursor.set(rowKey);
    if (event.shiftKey && act.selection) act.selection.toggle(at, true);
    else act.onOpen?.(row);
  };
  return (
    <div
      role="row"
      class={`grid-row${isSelected ? " is-selected" : ""}${onOpen ? " is-link" : ""}`}
      aria-rowindex={at + 2}
      aria-selected={selection ? isSelected : undefined}
      tabIndex={isCursor ? 0 : -1}
      data-key={rowKey}
      style={{ transform: `translateY(${at * ROW_PX}px)` }}
      onClick={click}
      onFocus={() => actions.current.cursor.set(rowKey)}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
    >
      {selection && (
        <div role="gridcell" class="grid-select">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select ${rowKey}`}
            checked={isSelected}
            onClick={(event) => actions.current.selection?.toggle(at, event.shiftKey)}
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

/** Follows what of the table is in sight. */
export function useView(scroller: { readonly current: HTMLElement | null }): ReadonlySignal<View> {
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
