export interface LogLine {
  /** Counts on, so that a line keeps its number while older ones go. */
  readonly number: number;
  readonly text: string;
  readonly level: "error" | "warning" | "plain";
}

const MAX_LINES = 5000;
const LEVEL = /: (CRITICAL|ERROR|WARNING)\/|^(\w*Error|\w*Exception|Traceback)\b/;

/** The last lines of a log, taken in piece by piece. */
export class LogLines {
  #lines: LogLine[] = [];
  #rest = "";
  #last = 0;

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** A piece need not end with a line. */
  add(text: string): void {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    if (parts.length === 0) return;
    const fresh = parts.map((part) => ({ number: ++this.#last, text: part, level: levelOf(part) }));
    this.#lines = [...this.#lines, ...fresh].slice(-MAX_LINES);
  }
}

function levelOf(text: string): LogLine["level"] {
  const match = LEVEL.exec(text);
  if (!match) return "plain";
  return match[1] === "WARNING" ? "warning" : "error";
}

/** The lines with a text in them, in any case. */
export function found(lines: readonly LogLine[], wanted: string): readonly LogLine[] {
  const text = wanted.toLowerCase();
  return text === "" ? lines : lines.filter((line) => line.text.toLowerCase().includes(text));
}
