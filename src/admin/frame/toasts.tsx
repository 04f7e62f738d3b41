import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { dismiss, toasts, type Toast } from "../state/toasts.ts";

const ICONS = { done: "check", error: "warn", note: "info" } as const;

/** What was done and what went wrong, in the corner. */
export function Toasts() {
  return (
    <div class="toasts" role="log" aria-label="Messages">
      {toasts.value.map((toast) => (
        <ToastCard key={toast.id} {...toast} />
      ))}
    </div>
  );
}

function ToastCard({ id, kind, text }: Toast) {
  return (
    <div class={`toast is-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon name={ICONS[kind]} />
      <p>{text}</p>
      <Button kind="quiet" icon="close" label="Close message" onClick={() => dismiss(id)} />
    </div>
  );
}
