import type { TargetedKeyboardEvent } from "preact";
import { Icon } from "../kit/icon.tsx";
import { route, setQuery } from "../state/router.ts";

/** A field by whose words a list is filtered; they stand in the address as `q`. */
export function SearchBox({ label }: { readonly label: string }) {
  return (
    <label class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={route.value.query.get("q") ?? ""}
        onInput={(event) => setQuery({ q: event.currentTarget.value })}
        onKeyDown={leave}
      />
    </label>
  );
}

/** Escape goes back to the list; left to itself the browser would empty the field. */
function leave(event: TargetedKeyboardEvent<HTMLInputElement>): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.currentTarget.blur();
}

/** Whether one of the texts holds what is searched for, in any case. */
export function isFound(...texts: readonly (string | null | undefined)[]): boolean {
  const wanted = (route.value.query.get("q") ?? "").trim().toLowerCase();
  return texts.join(" ").toLowerCase().includes(wanted);
}
