import { isStillAllowed } from "./allowed.ts";
import { masked } from "./mask.ts";
import type { Call } from "./routes.ts";

/** All that there is, and then what changes, as a stream of server-sent events. */
export function showEvents({ feed, who, identify, signals }: Call): Response {
  const body = feed.open({
    mask: who?.role === "admin" ? undefined : masked,
    mayRead: async () => who !== undefined && isStillAllowed(who, identify),
    until: AbortSignal.any([signals.left, signals.ending]),
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies are not to gather it.
      "x-accel-buffering": "no",
    },
  });
}
