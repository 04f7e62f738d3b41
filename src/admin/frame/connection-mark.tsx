import { connection } from "../state/live.ts";
import { span } from "../../kit/span.ts";
import { now } from "../state/time.ts";

/** Whether what is shown is live. */
export function ConnectionMark() {
  const state = connection.value;
  if (state.is === "live") return <span class="link-state is-live">live</span>;
  if (state.is === "connecting") return <span class="link-state">connecting</span>;
  return <span class="link-state is-lost">reconnecting</span>;
}

/** Says over the page that what it shows is old, and how old. */
export function LostBanner() {
  const state = connection.value;
  if (state.is !== "lost") return null;
  const since = new Date(state.sinceMs).toLocaleTimeString();
  return (
    <div class="banner" role="status">
      Connection lost since {since} ({span(now.value - state.sinceMs)}): {state.why}. What you see is as it was then;
      reconnecting.
    </div>
  );
}
