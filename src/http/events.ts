import { isStillAllowed } from "./allowed.ts";
import { masked } from "./mask.ts";
import type { Call } from "./routes.ts";

/** All that there is, and then what changes, as a stream of server-sent events. */
export async function showEvents({ feed, who: known, identify, signals, controller }: Call): Promise<Response> {
  const who = known ?? (await identify());
  const { logins, hearing } = controller;
  const body = feed.open({
    who,
    mask: who.role === "admin" ? undefined : masked,
    mayRead: async () => isStillAllowed(who, identify),
    // Of whom nobody is known for the first user may come any moment, or the bus, by which others tell all at once.
    isShut: () => who.by === "open" && (!logins.isNobodyKnown || hearing.isUnderWay),
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
