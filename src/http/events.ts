import { masked } from "./mask.ts";
import type { Call } from "./routes.ts";

/** All that there is, and then what changes, as a stream of server-sent events. */
export function showEvents({ feed, who, identify, signals }: Call): Response {
  // Who is somebody else by now, or may do something else, is told all anew, as far as that one may see it.
  const mayRead = () =>
    identify().then(
      ({ name, role }) => name === who?.name && role === who.role,
      () => false,
    );
  const body = feed.open({
    mask: who?.role === "admin" ? undefined : masked,
    mayRead,
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
