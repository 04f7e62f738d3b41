import { SearchField } from "../kit/search-field.tsx";
import { route, setQuery } from "../state/router.ts";

/** A field by whose words a list is filtered; they stand in the address as `q`. */
export function SearchBox({ label }: { readonly label: string }) {
  return (
    <SearchField label={label} value={route.value.query.get("q") ?? ""} onInput={(words) => setQuery({ q: words })} />
  );
}

/** Whether one of the texts holds what is searched for, in any case. */
export function isFound(...texts: readonly (string | null | undefined)[]): boolean {
  const wanted = (route.value.query.get("q") ?? "").trim().toLowerCase();
  return texts.join(" ").toLowerCase().includes(wanted);
}
