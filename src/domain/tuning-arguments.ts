/* Options of `celery worker` that neither run code nor name a file. All others might, those of newer Celery too: -A, -I and
   --config import modules, `-B -s` writes where it is told, and what is no option Celery takes for a setting. */

const FLAG = "task-events|events|without-gossip|without-mingle|without-heartbeat|disable-prefetch";
const VALUED =
  "loglevel|optimization|heartbeat-interval|prefetch-multiplier|max-tasks-per-child|max-memory-per-child|time-limit|soft-time-limit";
/** A number, a log level, `fair`. */
const VALUE = String.raw`\w[\w.]*`;

/** Click reads -Elinfo as -E -l info. */
const WHOLE = new RegExp(`^(--(${FLAG})|-E+|(--(${VALUED})=|-E*[lO])${VALUE})$`);
const WANTS_VALUE = new RegExp(`^(--(${VALUED})|-E*[lO])$`);
const IS_VALUE = new RegExp(`^${VALUE}$`);

/** The first of the words of an instance's `arguments` that does more than tune its worker, without its value, which may be a secret. */
export function beyondTuning(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (WHOLE.test(word)) continue;
    // Where the value is missing Celery would take whatever Cyme puts there.
    if (!WANTS_VALUE.test(word) || !IS_VALUE.test(words[++at] ?? "")) return word.split("=", 1)[0] ?? word;
  }
  return undefined;
}
