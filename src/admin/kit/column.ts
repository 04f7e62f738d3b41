import type { ComponentChildren } from "preact";

/** What a table shows of each row. */
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
