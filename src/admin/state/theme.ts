import { signal } from "@preact/signals";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "cyme.theme";

export const theme = signal<Theme>("system");

/** Takes up what was chosen last time in this browser. */
export function recallTheme(): void {
  const kept = read();
  if (kept) theme.value = kept;
  theme.subscribe((chosen) => {
    if (chosen === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
  });
}

/** system → light → dark → system. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A browser that keeps nothing shows the choice until it is closed.
  }
}

function read(): Theme | undefined {
  try {
    return THEMES.find((known) => known === localStorage.getItem(KEY));
  } catch {
    return undefined;
  }
}
