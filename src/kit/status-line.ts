import type { LineSink } from "./log-file.ts";

const ERASE = "\r\u001B[K";

/** The last line of a terminal: says what is waited for, while other lines are written above it. */
export class StatusLine implements LineSink {
  readonly #to: LineSink;
  readonly #columns: () => number;
  #text = "";

  /** `columns` is 0 where nothing is to be shown, as where that is no terminal. */
  constructor(to: LineSink, columns: () => number) {
    this.#to = to;
    this.#columns = columns;
  }

  /** In place of what it said before; "" for nothing. */
  show(text: string): void {
    const room = this.#columns() - 1;
    // A line that goes on in the next one could not be erased.
    const fitting = room > 0 ? Bun.sliceAnsi(text, 0, room, { ellipsis: "…" }) : "";
    if (fitting === this.#text) return;
    this.#text = fitting;
    this.#to.write(`${ERASE}${fitting}`);
  }

  /** A line above it. */
  write(text: string): boolean {
    if (this.#text === "") return this.#to.write(text);
    return this.#to.write(`${ERASE}${text}${this.#text}`);
  }
}
