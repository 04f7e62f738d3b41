import { CymeError } from "../../domain/errors.ts";
import type { Clock } from "../../kit/clock.ts";
import { span } from "../../kit/span.ts";
import { wrapped } from "../fit.ts";
import type { Look } from "../look.ts";
import { printable, type JsonRecord } from "../record.ts";
import { Canvas } from "./canvas.ts";
import { statusScreen } from "./screen.ts";

/** Whom and where to watch. */
export interface Watched {
  readonly status: () => Promise<JsonRecord>;
  /** Calls back with the name of each event, until the stream ends; rejects where there is none. */
  readonly events: (onEvent: (event: string) => void) => Promise<void>;
  readonly write: (text: string) => void;
  /** How it is shown now. */
  readonly look: () => Look;
  /** Calls back when the terminal has another size; gives what ends that. */
  readonly onResize: (listener: () => void) => () => void;
  /** Aborted when it is to end. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Of the seconds that are shown. */
const TICK_MS = 1_000;
/** Without events, as where no daemon runs. */
const POLL_MS = 2_000;
/** With events: for what no event tells of. */
const LIVE_POLL_MS = 5_000;
/** However much happens. */
const BREATH_MS = 500;
/** An answer that takes longer than that is missed. */
const PATIENCE_MS = 8_000;
const RETRY_MS = 2_000;
/** Events of which nothing is shown. */
const UNSEEN = ["task", "samples"];

/**
 * Shows the status on the whole terminal until it is ended: asked anew when the branch tells of a change, and now and then. A branch that
 * does not answer is said to be away, and asked again. Rejects where it cannot be asked for the first time.
 */
export async function watchStatus(watched: Watched): Promise<void> {
  const status = await watched.status();
  using watch = new Watch(watched, status);
  await watch.follow();
}

class Watch implements Disposable {
  readonly #watched: Watched;
  readonly #canvas: Canvas;
  readonly #endResize: () => void;
  #status: JsonRecord;
  #answeredMs: number;
  /** Why the last question was not answered; undefined where it was. */
  #why: string | undefined;
  /** Whether that was an answer: the login has ended. */
  #isRefused = false;
  #isLive = false;
  #wanted = new AbortController();
  #cancelTick = () => {};

  constructor(watched: Watched, status: JsonRecord) {
    this.#watched = watched;
    this.#status = status;
    this.#answeredMs = watched.clock.now();
    this.#canvas = new Canvas(watched.write);
    this.#endResize = watched.onResize(() => this.#draw());
  }

  async follow(): Promise<void> {
    this.#tick();
    await Promise.all([this.#listen(), this.#askAgain()]);
  }

  [Symbol.dispose](): void {
    this.#cancelTick();
    this.#endResize();
    this.#canvas[Symbol.dispose]();
  }

  #tick(): void {
    this.#draw();
    this.#cancelTick = this.#watched.clock.after(TICK_MS, () => this.#tick());
  }

  async #listen(): Promise<void> {
    const { signal, clock, events } = this.#watched;
    while (!signal.aborted) {
      // Whatever ended it, asking says what is wrong.
      await events((event) => this.#heard(event)).catch(() => {});
      this.#isLive = false;
      this.#wanted.abort();
      await clock.sleep(RETRY_MS, signal);
    }
  }

  #heard(event: string): void {
    this.#isLive = true;
    if (!UNSEEN.includes(event)) this.#wanted.abort();
  }

  async #askAgain(): Promise<void> {
    const { signal, clock } = this.#watched;
    while (!signal.aborted) {
      await clock.sleep(this.#isLive ? LIVE_POLL_MS : POLL_MS, AbortSignal.any([signal, this.#wanted.signal]));
      this.#wanted = new AbortController();
      await this.#ask();
      await clock.sleep(BREATH_MS, signal);
    }
  }

  async #ask(): Promise<void> {
    const { signal, clock, status } = this.#watched;
    if (signal.aborted) return;
    try {
      this.#status = await status();
      this.#why = undefined;
      this.#answeredMs = clock.now();
    } catch (error) {
      this.#why = error instanceof Error ? error.message : String(error);
      this.#isRefused = error instanceof CymeError && (error.code === "unauthorized" || error.code === "forbidden");
    }
    if (!signal.aborted) this.#draw();
  }

  #draw(): void {
    const look = this.#watched.look();
    const heading = this.#heading(look);
    const screen = statusScreen(this.#status, { ...look, rows: look.rows - heading.length + 1 });
    this.#canvas.draw([...heading, ...screen.trimEnd().split("\n")], look);
  }

  /** Why there is no answer stands there whole, if the screen is not small. */
  #heading({ paint, nowMs, columns, rows }: Look): string[] {
    const silentMs = this.#watched.clock.now() - this.#answeredMs;
    if (this.#why === undefined && silentMs < PATIENCE_MS) {
      return [`${paint.heading("cyme status")} · ${new Date(nowMs).toLocaleTimeString("sv")} · q ends`];
    }
    const why = this.#why === undefined ? "" : `: ${printable(this.#why)}`;
    const what = this.#isRefused ? "Refused" : "No answer";
    const lines = wrapped(`${what} for ${span(silentMs)}, this is how it was${why}`, columns);
    return lines.slice(0, Math.max(1, Math.floor(rows / 3))).map(paint.error);
  }
}
