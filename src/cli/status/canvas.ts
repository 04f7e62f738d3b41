import { cut } from "../fit.ts";

const ESC = "\u001B[";
/** The alternate screen, no cursor, and no line goes on in the next one. */
const OPEN = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const CLOSE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
const CLEAR = `${ESC}2J`;
const END_OF_LINE = `${ESC}K`;
/** What is between them terminals show at once, those that know it. */
const BEGIN_FRAME = `${ESC}?2026h`;
const END_FRAME = `${ESC}?2026l`;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A whole screen of a terminal, which shows again what was there before once this is closed. Writes only the lines that changed. */
export class Canvas implements Disposable {
  readonly #write: (text: string) => void;
  #shown: readonly string[] = [];
  #size: Size = { columns: 0, rows: 0 };

  constructor(write: (text: string) => void) {
    this.#write = write;
    write(OPEN);
  }

  /** What does not fit is cut. */
  draw(lines: readonly string[], { columns, rows }: Size): void {
    const fitting = lines.slice(0, rows).map((line) => cut(line, columns));
    const isResized = columns !== this.#size.columns || rows !== this.#size.rows;
    const before = isResized ? [] : this.#shown;
    const changes = Array.from({ length: Math.max(fitting.length, before.length) }, (_, row) => {
      const line = fitting[row] ?? "";
      return line === before[row] ? "" : `${ESC}${row + 1};1H${line}${END_OF_LINE}`;
    }).join("");
    this.#shown = fitting;
    // Not what was given, which may tell the size of the moment in which it is asked.
    this.#size = { columns, rows };
    if (isResized || changes !== "") this.#write(`${BEGIN_FRAME}${isResized ? CLEAR : ""}${changes}${END_FRAME}`);
  }

  [Symbol.dispose](): void {
    this.#write(CLOSE);
  }
}
