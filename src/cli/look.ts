import type { Environment, Io } from "./io.ts";
import { painter, type Paint } from "./paint.ts";

/** How something is shown: in which colours, in how much room, and when. */
export interface Look {
  readonly paint: Paint;
  /** Of the terminal; infinite where there is none, so that nothing is cut on its way into a pipe or a file. */
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
}

/** How standard output is written. */
export function lookOf(io: Pick<Io, "stdoutIsTTY" | "screen">, env: Environment, nowMs: number): Look {
  const none = Number.POSITIVE_INFINITY;
  return {
    paint: painter(() => io.stdoutIsTTY, env),
    // Asked when it matters: it takes time.
    get columns() {
      return io.stdoutIsTTY ? io.screen.columns : none;
    },
    get rows() {
      return io.stdoutIsTTY ? io.screen.rows : none;
    },
    nowMs,
  };
}
