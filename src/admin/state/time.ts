import { signal } from "@preact/signals";

/** ms since the epoch, moved on once a second while the page is looked at. */
export const now = signal(Date.now());

/** Has `now` go on. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
}

/** A moment for people, in their own time zone, to the second. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
