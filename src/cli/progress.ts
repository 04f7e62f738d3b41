import { systemClock, type Clock } from "../kit/clock.ts";
import { cut } from "./fit.ts";
import type { Io } from "./io.ts";
import { printable } from "./record.ts";
import type { Waiting } from "./waiting.ts";

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

/**
 * Says on a terminal that something is waited for once that takes long, and for how many seconds; and, where `waiting` tells it, for what:
 * it is asked once a second, one question at a time.
 */
export function showProgress(
  io: Pick<Io, "stderr" | "stderrIsTTY" | "stderrColumns">,
  label: string,
  waiting?: Waiting,
  clock: Clock = systemClock,
): Progress {
  const startedMs = clock.now();
  let isShown = false;
  let isAsking = false;
  let detail = "";
  const draw = () => {
    isShown = true;
    const time = `, ${Math.round((clock.now() - startedMs) / 1000)} s`;
    const words = detail === "" ? label : `${label}, ${printable(detail)}`;
    // The end of a line that goes on in the next one could not be erased.
    io.stderr(`${ERASE_LINE}${cut(words, io.stderrColumns - time.length - 1)}${time}`);
  };
  const ask = () => {
    if (!waiting || isAsking) return;
    isAsking = true;
    const asked = waiting().catch(() => ""); // What went wrong is said by the command itself.
    void asked.then((words) => {
      isAsking = false;
      if (words !== detail && isShown) {
        detail = words;
        draw();
      }
    });
  };
  const show = () => {
    if (!io.stderrIsTTY) return;
    draw();
    ask();
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
