import { useEffect } from "preact/hooks";

type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Calls what a key means here, unless somebody types, a dialog is open, or the key is held with Ctrl, Alt or Meta. */
export function useKeys(keys: Keys): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const handler = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
      if (!handler || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      handler(event);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  });
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
