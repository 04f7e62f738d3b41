import type { Call } from "./routes.ts";

/** All that there is, and then what changes, as a stream of server-sent events. */
export function showEvents({ feed, signals }: Call): Response {
  const until = AbortSignal.any([signals.left, signals.ending]);
  const body = feed.open({ mask: undefined, mayRead: () => true, until });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies are not to gather it.
      "x-accel-buffering": "no",
    },
  });
}
