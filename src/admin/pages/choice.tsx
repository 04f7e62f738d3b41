import { route, setQuery } from "../state/router.ts";

interface ChoiceProps {
  readonly label: string;
  /** In the address. */
  readonly name: string;
  readonly values: readonly string[];
}

/** One of some values by which a list is filtered, or all; it stands in the address. */
export function Choice({ label, name, values }: ChoiceProps) {
  const chosen = route.value.query.get(name) ?? "";
  // What the address says is shown even where nothing has that value now.
  const shown = chosen === "" || values.includes(chosen) ? values : [chosen, ...values];
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={chosen} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
        <option value="">all</option>
        {shown.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}
