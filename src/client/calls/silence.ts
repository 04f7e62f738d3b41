import { unavailable } from "../../domain/errors.ts";
import type { Clock } from "../../kit/clock.ts";
import { inSeconds } from "../transport.ts";

/** Watches a stream on which something comes again and again as long as its connection is there. */
export interface Silence {
  /** Aborted, with `unavailable`, once nothing came for too long. */
  readonly signal: AbortSignal;
  /** To be called with whatever comes. */
  heard(): void;
  /** Watches no longer. */
  end(): void;
}

/** `firstMs` is how long the first word may take, `silenceMs` each later one; without that nothing is watched. */
export function watchSilence(clock: Clock, firstMs: number, silenceMs: number | undefined): Silence {
  const lost = new AbortController();
  let end = () => {};
  const listen = (ms: number) => {
    end();
    if (silenceMs !== undefined) end = clock.after(ms, () => lost.abort(lossOf(silenceMs)));
  };
  listen(firstMs);
  return { signal: lost.signal, heard: () => listen(silenceMs ?? 0), end: () => end() };
}

function lossOf(ms: number) {
  const message = `Nothing came from the branch for ${inSeconds(ms)}, though a branch says more often that it is there: the connection is lost`;
  return unavailable(message, { reached: true });
}
