import type { Column } from "./column.ts";
import { Icon } from "./icon.tsx";
import type { Selection } from "./selection.ts";

interface HeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly selection: Selection | undefined;
  /** Of all rows. */
  readonly count: number;
}

/** Titles of columns, which sort; and the box that selects all. */
export function GridHead<Row>({ columns, sort, onSort, selection, count }: HeadProps<Row>) {
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
