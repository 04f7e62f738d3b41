import { signal } from "@preact/signals";
import { Dialog } from "../kit/dialog.tsx";

export const isHelpShown = signal(false);

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "search in the list"],
  ["j  k", "next and previous row; arrows, Home and End do too"],
  ["Enter", "open the row"],
  ["x  Space", "select the row; with Shift all from the last one on"],
  ["Esc", "close a dialog, leave a search field"],
  ["g o", "overview"],
  ["g i", "instances"],
  ["g a", "apps"],
  ["g q", "queues"],
  ["g t", "tasks"],
  ["?", "this help"],
];

/** What keys do. */
export function Help() {
  if (!isHelpShown.value) return null;
  return (
    <Dialog title="Keyboard" onClose={() => (isHelpShown.value = false)}>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>{keys.split(" ").map((key) => (key === "" ? " " : <kbd key={key}>{key}</kbd>))}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
