/** What a column is sorted by. */
interface Sortable<Row> {
  readonly key: string;
  readonly by?: (row: Row) => string | number | null;
}

const collator = new Intl.Collator("en", { numeric: true });

/** The rows by one column: `name`, or `-name` for the other way round. Rows without a value come last; equal ones stay as they were. */
export function sortedBy<Row>(rows: readonly Row[], columns: readonly Sortable<Row>[], sort: string): readonly Row[] {
  const [key, factor] = sort.startsWith("-") ? [sort.slice(1), -1] : [sort, 1];
  const by = columns.find((column) => column.key === key)?.by;
  if (!by) return rows;
  const keyed = rows.map((row) => ({ row, value: by(row) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return factor * compare(a.value, b.value);
  });
  return keyed.map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}
