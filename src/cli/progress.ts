import { systemClock, type Clock } from "../kit/clock.ts";
import type { Io } from "./io.ts";

const QUIET_MS = 2_000;
const STEP_MS = 1_000;
const ERASE_LINE = "\r\u001B[K";

/** Says on a terminal that something is waited for once that takes long. Returns what ends it and erases the line. */
export function showProgress(io: Io, label: string, clock: Clock = systemClock): () => void {
  const startedMs = clock.now();
  let isShown = false;
  const show = () => {
    if (!io.stderrIsTTY) return;
    isShown = true;
    io.stderr(`${ERASE_LINE}${label}: waiting, ${Math.round((clock.now() - startedMs) / 1000)} s`);
    cancel = clock.after(STEP_MS, show);
  };
  let cancel = clock.after(QUIET_MS, show);
  return () => {
    cancel();
    if (isShown) io.stderr(ERASE_LINE);
  };
}
