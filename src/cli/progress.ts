import { systemClock, type Clock } from "../kit/clock.ts";
import type { Io } from "./io.ts";

const QUIET_MS = 2_000;
const STEP_MS = 1_000;
const ERASE_LINE = "\r\u001B[K";

/** The line on a terminal that says that something is waited for. */
export interface Progress {
  /** Writes to standard error in place of the line, which comes back. */
  readonly say: (text: string) => void;
  /** Ends it and erases the line. */
  stop(): void;
}

/** Says on a terminal that something is waited for once that takes long, and for how many seconds. */
export function showProgress(
  io: Pick<Io, "stderr" | "stderrIsTTY">,
  label: string,
  clock: Clock = systemClock,
): Progress {
  const startedMs = clock.now();
  let isShown = false;
  const show = () => {
    if (!io.stderrIsTTY) return;
    isShown = true;
    io.stderr(`${ERASE_LINE}${label}, ${Math.round((clock.now() - startedMs) / 1000)} s`);
    cancel = clock.after(STEP_MS, show);
  };
  const erase = () => {
    if (isShown) io.stderr(ERASE_LINE);
    isShown = false;
  };
  let cancel = clock.after(QUIET_MS, show);
  return {
    say(text) {
      erase();
      io.stderr(text);
    },
    stop() {
      cancel();
      erase();
    },
  };
}
