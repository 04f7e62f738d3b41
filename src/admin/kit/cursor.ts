import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "../state/keys.ts";

/** Of every row; as in style.css. */
export const ROW_PX = 40;

/** The row that keys are about: the one of all that Tab stops at. */
export interface Cursor {
  readonly is: (key: string, at: number) => boolean;
  readonly set: (key: string) => void;
}

interface CursorActions {
  readonly open: (at: number) => void;
  readonly select: (at: number, isRange: boolean) => void;
}

interface Scroller {
  readonly current: HTMLElement | null;
}

/** Moves among `keys`, the rows as they are shown, and has a row take the focus once it is drawn. */
export function useCursor(keys: readonly string[], scroller: Scroller, act: CursorActions): Cursor {
  const key = useSignal<string | null>(null);
  const isToFocus = useRef(false);
  // Asked anew for each key: several may come before the next drawing.
  const at = () => {
    const now = key.peek();
    return now === null ? -1 : keys.indexOf(now);
  };
  const drawnAt = key.value === null ? -1 : keys.indexOf(key.value);
  useEffect(() => {
    if (!isToFocus.current) return undefined;
    isToFocus.current = false;
    // A row far away is drawn only after the scrolling.
    const frame = requestAnimationFrame(() => rowOf(scroller.current, key.value)?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  });
  const moveTo = (event: KeyboardEvent, to: number) => {
    event.preventDefault();
    const target = keys[Math.min(keys.length - 1, Math.max(0, to))];
    if (target === undefined) return;
    reveal(scroller.current, keys.indexOf(target));
    if (target === key.value) rowOf(scroller.current, target)?.focus({ preventScroll: true });
    else isToFocus.current = true;
    key.value = target;
  };
  const page = () => Math.floor((scroller.current?.clientHeight ?? ROW_PX) / ROW_PX) - 1;
  const ifFocused = (work: (event: KeyboardEvent) => void) => (event: KeyboardEvent) => {
    if (scroller.current?.contains(document.activeElement)) work(event);
  };
  useKeys({
    j: (event) => moveTo(event, at() + 1),
    k: (event) => moveTo(event, at() - 1),
    ArrowDown: ifFocused((event) => moveTo(event, at() + 1)),
    ArrowUp: ifFocused((event) => moveTo(event, at() - 1)),
    PageDown: ifFocused((event) => moveTo(event, at() + page())),
    PageUp: ifFocused((event) => moveTo(event, at() - page())),
    Home: ifFocused((event) => moveTo(event, 0)),
    End: ifFocused((event) => moveTo(event, keys.length - 1)),
    Enter: ifFocused((event) => isRow(event.target) && at() >= 0 && act.open(at())),
    " ": ifFocused((event) => {
      if (!isRow(event.target) || at() < 0) return;
      event.preventDefault();
      act.select(at(), event.shiftKey);
    }),
    x: () => at() >= 0 && act.select(at(), false),
    X: () => at() >= 0 && act.select(at(), true),
  });
  return {
    is: (other, index) => (drawnAt < 0 ? index === 0 : other === key.value),
    set: (next) => {
      key.value = next;
    },
  };
}

const rowOf = (scroller: HTMLElement | null, key: string | null) =>
  scroller?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key ?? "")}"]`);

const isRow = (target: EventTarget | null) => target instanceof HTMLElement && target.getAttribute("role") === "row";

/** Scrolls just as far as needed for a row to be in sight, below the head. */
function reveal(scroller: HTMLElement | null, at: number): void {
  if (!scroller) return;
  const head = scroller.firstElementChild?.clientHeight ?? 0;
  const top = at * ROW_PX;
  const height = scroller.clientHeight - head;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + ROW_PX > scroller.scrollTop + height) scroller.scrollTop = top + ROW_PX - height;
}
