import { useRef } from "preact/hooks";

/** The selected rows of a table, by their place in it. */
export interface Selection {
  readonly size: number;
  readonly hasAll: boolean;
  has(key: string): boolean;
  /** With `isRange` all between this one and the last one that was toggled become as it. */
  toggle(at: number, isRange: boolean): void;
  toggleAll(): void;
}

/** Undefined where nothing can be selected. `keys` are the rows as they are shown. */
export function useSelection(
  keys: readonly string[],
  selected: ReadonlySet<string> | undefined,
  onSelect: ((selected: ReadonlySet<string>) => void) | undefined,
): Selection | undefined {
  const anchor = useRef<string | null>(null);
  if (!selected || !onSelect) return undefined;
  const hasAll = keys.length > 0 && keys.every((key) => selected.has(key));
  return {
    size: selected.size,
    hasAll,
    has: (key) => selected.has(key),
    toggle(at, isRange) {
      const from = isRange && anchor.current !== null ? keys.indexOf(anchor.current) : -1;
      const key = keys[at];
      if (key === undefined) return;
      onSelect(toggled(selected, keys, at, from));
      anchor.current = key;
    },
    toggleAll: () => onSelect(hasAll ? new Set() : new Set(keys)),
  };
}

/** The selection after the row at `at` was toggled; with a `from` (else -1) all rows between become as that one is. */
export function toggled(
  selected: ReadonlySet<string>,
  keys: readonly string[],
  at: number,
  from: number,
): ReadonlySet<string> {
  const next = new Set(selected);
  if (from < 0) {
    const key = keys[at] ?? "";
    if (!next.delete(key)) next.add(key);
    return next;
  }
  const isOn = selected.has(keys[from] ?? "");
  for (const key of keys.slice(Math.min(at, from), Math.max(at, from) + 1)) {
    if (isOn) next.add(key);
    else next.delete(key);
  }
  return next;
}
