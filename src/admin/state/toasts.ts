import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly kind: "done" | "error" | "note";
  readonly text: string;
}

export const toasts = signal<readonly Toast[]>([]);

const SHOWN_MS = 5000;
const MAX_TOASTS = 5;
let last = 0;

/** Says something in the corner; errors stay until they are closed. */
export function say(kind: Toast["kind"], text: string): void {
  const id = ++last;
  const others = toasts.value.filter((toast) => toast.text !== text);
  toasts.value = [...others, { id, kind, text }].slice(-MAX_TOASTS);
  if (kind !== "error") setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Does something and says in the corner what went wrong, or what was done. Gives whether it went well. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) say("done", done);
    return true;
  } catch (error) {
    say("error", error instanceof Error ? error.message : String(error));
    return false;
  }
}
