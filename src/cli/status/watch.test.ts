import { describe, expect, test } from "bun:test";
import { CymeError } from "../../domain/errors.ts";
import { ManualClock } from "../../kit/clock.ts";
import { painter } from "../paint.ts";
import { watchStatus } from "./watch.ts";

const RUNNING = (state: string) => ({
  branch: { id: "b1", running: true },
  instances: [{ name: "web", app: "shop", state, pid: 1, since: null, restarts: 0 }],
});

/** Watching a branch of which the test says how it is, on a terminal of which it says how large it is. */
function watching() {
  const clock = new ManualClock();
  const interrupt = new AbortController();
  const at = {
    clock,
    interrupt,
    written: "",
    asked: 0,
    status: RUNNING("running") as object | Error,
    size: { columns: 80, rows: 24 },
    resized: () => {},
    tell: (_event: string) => {},
    hangUp: () => {},
  };
  const ended = watchStatus({
    async status() {
      at.asked++;
      if (at.status instanceof Error) throw at.status;
      return at.status as never;
    },
    events: (onEvent) =>
      new Promise((resolve) => {
        at.tell = onEvent;
        at.hangUp = resolve;
        interrupt.signal.addEventListener("abort", () => resolve());
      }),
    write: (text) => (at.written += text),
    look: () => ({
      paint: painter(() => false, {}),
      // As of a terminal: it has the size of the moment in which it is asked.
      get columns() {
        return at.size.columns;
      },
      get rows() {
        return at.size.rows;
      },
      nowMs: clock.now(),
    }),
    onResize(listener) {
      at.resized = listener;
      return () => (at.resized = () => {});
    },
    signal: interrupt.signal,
    clock,
  });
  /** What is written meanwhile. */
  const during = async (work: () => unknown) => {
    at.written = "";
    await work();
    return at.written;
  };
  return { at, ended, during };
}

const OPENED = "\u001B[?1049h\u001B[?25l\u001B[?7l";
const CLOSED = "\u001B[?7h\u001B[?25h\u001B[?1049l";

describe("watching the status", () => {
  test("shows it on a screen of its own, and the one from before once it ends", async () => {
    const { at, ended } = watching();
    await at.clock.advance(0);
    expect(at.written).toStartWith(`${OPENED}\u001B[?2026h\u001B[2J\u001B[1;1Hcyme status`);
    expect(at.written).toContain("web   shop  running");
    at.interrupt.abort();
    await ended;
    expect(at.written).toEndWith(CLOSED);
  });

  test("shows a change as soon as the branch tells of one, and writes only the lines that are others", async () => {
    const { at, ended, during } = watching();
    await at.clock.advance(1_000);
    at.tell("ready");
    await at.clock.advance(1_000);
    at.status = RUNNING("backoff");
    const written = await during(async () => {
      at.tell("instance");
      await at.clock.advance(0);
    });
    expect(written).toContain("web   shop  backoff");
    expect(written).not.toContain("Branch b1");
    expect(written).not.toContain("\u001B[2J");
    at.interrupt.abort();
    await ended;
  });

  test("asks twice a second at most, however much happens, and not for what is not shown", async () => {
    const { at, ended } = watching();
    await at.clock.advance(1_000);
    at.tell("ready");
    await at.clock.advance(1_000);
    const before = at.asked;
    for (let i = 0; i < 40; i++) {
      at.tell("instance");
      await at.clock.advance(50);
    }
    expect(at.asked - before).toBeLessThanOrEqual(5);
    await at.clock.advance(600);
    const then = at.asked;
    at.tell("task");
    at.tell("samples");
    await at.clock.advance(600);
    expect(at.asked).toBe(then);
    at.interrupt.abort();
    await ended;
  });

  test("says since when the branch does not answer, and goes on once it does", async () => {
    const { at, ended, during } = watching();
    await at.clock.advance(500);
    at.status = new Error("Cannot reach a branch\u001B[2J");
    at.hangUp();
    await at.clock.advance(0);
    expect(await during(() => at.clock.advance(3_000))).toContain(
      "No answer for 3 s, this is how it was: Cannot reach a branch\\u001b[2J",
    );
    at.status = RUNNING("starting");
    expect(await during(() => at.clock.advance(3_000))).toContain("web   shop  starting");
    at.interrupt.abort();
    await ended;
  });

  test("says why in whole, on as many lines as that takes, and tells being refused from silence", async () => {
    const { at, ended, during } = watching();
    await at.clock.advance(500);
    const why = `The token is none of this cluster, ${"or none any more, ".repeat(5)}whoever had it`;
    at.status = new CymeError("unauthorized", why);
    const written = await during(async () => {
      at.hangUp();
      await at.clock.advance(3_000);
    });
    expect(written).toContain("Refused for 3 s, this is how it was: The token is none");
    expect(written).toContain("whoever had it");
    at.interrupt.abort();
    await ended;
  });

  test("asks every two seconds where nobody tells of changes", async () => {
    const { at, ended } = watching();
    await at.clock.advance(10_500);
    expect(at.asked).toBe(5);
    at.interrupt.abort();
    await ended;
  });

  test("is drawn anew where the terminal has another size, in as much room", async () => {
    const { at, ended, during } = watching();
    await at.clock.advance(0);
    const written = await during(() => {
      at.size = { columns: 20, rows: 5 };
      at.resized();
    });
    expect(written).toContain("\u001B[2J");
    expect(written).toContain("…");
    expect(written).not.toContain("\u001B[6;1H");
    at.interrupt.abort();
    await ended;
  });

  test("does not begin where the branch cannot be asked at all", async () => {
    const written: string[] = [];
    const refused = watchStatus({
      status: () => Promise.reject(new Error("away")),
      events: () => Promise.resolve(),
      write: (text) => written.push(text),
      look: () => ({ paint: painter(() => false, {}), columns: 80, rows: 24, nowMs: 0 }),
      onResize: () => () => {},
      signal: new AbortController().signal,
      clock: new ManualClock(),
    });
    expect(await refused.catch((error: Error) => error.message)).toBe("away");
    expect(written).toEqual([]);
  });
});
