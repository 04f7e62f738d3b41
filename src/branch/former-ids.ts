import type { Store } from "../store/store.ts";

interface FormerId {
  readonly id: string;
  /** When the branch got another one. */
  readonly untilMs: number;
}

/** Longer than anybody waits for the result of a task. */
const REMEMBERED_MS = 30 * 24 * 3_600_000;

/** Keeps in mind that the branch had the id `before` until now. */
export function rememberFormerId(store: Store, before: string, now: string, nowMs: number): void {
  const others = read(store).filter(
    ({ id, untilMs }) => id !== before && id !== now && untilMs > nowMs - REMEMBERED_MS,
  );
  store.settings.set("former_ids", JSON.stringify([...others, { id: before, untilMs: nowMs }]));
}

/** The ids that this branch had after `sinceMs`, but for those that another branch was given since. */
export function formerIds(store: Store, sinceMs: number): string[] {
  const recent = read(store).filter(({ id, untilMs }) => {
    const seenAtMs = store.knownBranches.get(id)?.lastSeenAtMs ?? null;
    return untilMs > sinceMs && (seenAtMs === null || seenAtMs <= untilMs);
  });
  return recent.map(({ id }) => id);
}

function read({ settings }: Store): FormerId[] {
  return JSON.parse(settings.get("former_ids") ?? "[]") as FormerId[];
}
