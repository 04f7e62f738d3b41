import { signal } from "@preact/signals";

/** Whether the window is as narrow as a phone. */
export const isNarrow = signal(false);

/** Has isNarrow follow the window. */
export function followWidth(): void {
  const query = matchMedia("(max-width: 40rem)");
  isNarrow.value = query.matches;
  query.addEventListener("change", () => {
    isNarrow.value = query.matches;
  });
}
