import type { TargetedKeyboardEvent } from "preact";
import { Icon } from "./icon.tsx";

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (words: string) => void;
}

/** A field for words that filter what is below. Escape goes back to that, and the filter stays as the field says. */
export function SearchField({ label, value, onInput }: SearchFieldProps) {
  return (
    <label class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={leave}
      />
    </label>
  );
}

/** Left to itself a browser empties the field, without saying so. */
function leave(event: TargetedKeyboardEvent<HTMLInputElement>): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.currentTarget.blur();
}
