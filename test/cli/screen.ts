import { until } from "../harness/wait.ts";

export interface ScreenOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly columns?: number;
  readonly rows?: number;
}

const WAIT_MS = 30_000;

/** A program that runs on a terminal of its own, and what is to be seen there. Disposing of it ends it. */
export class Screen implements AsyncDisposable {
  /** All that was written, with the sequences that move the cursor. */
  written = "";
  readonly #picture: Picture;
  readonly #child: Bun.Subprocess;
  readonly #before: string;

  constructor(argv: readonly string[], { env, cwd, columns = 80, rows = 24 }: ScreenOptions) {
    this.#picture = new Picture();
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([...argv], {
      cwd,
      env: { ...env },
      terminal: {
        cols: columns,
        rows,
        data: (_terminal, bytes) => {
          const text = decoder.decode(bytes, { stream: true });
          this.written += text;
          this.#picture.take(text);
        },
      },
    });
    // Before it has begun to run.
    this.#before = this.#modes();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The lines that stand there now. */
  get lines(): readonly string[] {
    return this.#picture.lines;
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /** Whether the terminal is as it was when the program was started. */
  get isAsBefore(): boolean {
    return this.#modes() === this.#before;
  }

  #modes(): string {
    const { inputFlags, outputFlags, localFlags } = this.#child.terminal ?? {};
    return [inputFlags, outputFlags, localFlags].join(" ");
  }

  type(keys: string): void {
    this.#child.terminal?.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#child.terminal?.resize(columns, rows);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until that is to be seen. */
  async shows(what: string | RegExp): Promise<void> {
    const isSeen = () => (typeof what === "string" ? this.text.includes(what) : what.test(this.text));
    await this.until(isSeen, String(what));
  }

  /** Waits for what is true of it; where it does not come, says what is to be seen instead. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await until(condition, { what, timeoutMs: WAIT_MS }).catch((error: Error) => {
      throw new Error(`${error.message}; the terminal shows ${JSON.stringify(this.text.slice(-1500))}`);
    });
  }

  /** Waits for its end; gives its exit code. */
  async ended(): Promise<number> {
    await until(() => this.#child.exitCode !== null || this.#child.signalCode !== null, {
      what: "the end",
      timeoutMs: WAIT_MS,
    });
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

/** As much of a terminal as our programs use of one: lines, the cursor, erasing, and the alternate screen. */
class Picture {
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** What a sequence that is not whole yet begins with. */
  #rest = "";
  #other: string[][] | undefined;

  get lines(): readonly string[] {
    return this.#rows.map((row) =>
      Array.from(row, (char) => char ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  take(text: string): void {
    const all = this.#rest + text;
    // oxlint-disable-next-line no-control-regex -- They are what a terminal is moved by.
    const pieces = /\u001B\[([?\d;]*)([A-Za-z])|\u001B[=>78]|\u001B$|\u001B\[[?\d;]*$|[\s\S]/gu;
    this.#rest = "";
    for (const [piece, numbers, letter] of all.matchAll(pieces)) {
      if (letter !== undefined) this.#move(numbers ?? "", letter);
      else if (piece.startsWith("\u001B") && piece.length !== 2) this.#rest = piece;
      else if (!piece.startsWith("\u001B")) this.#print(piece);
    }
  }

  #move(numbers: string, letter: string): void {
    const [first = 0, second = 0] = numbers.replace("?", "").split(";").map(Number);
    if (letter === "H") [this.#row, this.#column] = [Math.max(0, first - 1), Math.max(0, second - 1)];
    else if (letter === "G") this.#column = Math.max(0, first - 1);
    else if (letter === "C") this.#column += first || 1;
    else if (letter === "D") this.#column -= first || 1;
    else if (letter === "A") this.#row = Math.max(0, this.#row - (first || 1));
    else if (letter === "K") this.#line.length = Math.min(this.#line.length, this.#column);
    else if (letter === "J") this.#erase(first);
    else if (numbers === "?1049") this.#alternate(letter === "h");
  }

  #erase(how: number): void {
    if (how === 2) this.#rows = [[]];
    else {
      this.#line.length = Math.min(this.#line.length, this.#column);
      this.#rows.length = Math.min(this.#rows.length, this.#row + 1);
    }
  }

  #alternate(isOn: boolean): void {
    if (isOn) this.#other = this.#rows;
    this.#rows = isOn ? [[]] : (this.#other ?? [[]]);
    [this.#row, this.#column] = [this.#rows.length - 1, 0];
  }

  #print(char: string): void {
    if (char === "\n") this.#down();
    else if (char === "\r") this.#column = 0;
    else if (char === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (char >= " ") this.#line[this.#column++] = char;
  }

  #down(): void {
    this.#row++;
    while (this.#rows.length <= this.#row) this.#rows.push([]);
  }

  get #line(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([]);
    const line = this.#rows[this.#row] ?? [];
    this.#rows[this.#row] = line;
    return line;
  }
}
