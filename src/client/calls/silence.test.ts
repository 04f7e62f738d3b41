import { expect, test } from "bun:test";
import { ManualClock } from "../../kit/clock.ts";
import type { Transport } from "../transport.ts";
import { Calls } from "./calls.ts";

/** A branch whose stream has begun and goes on for ever; `say` adds to it. */
function setup() {
  const clock = new ManualClock();
  let say: (text: string) => void;
  const transport: Transport = ({ onText, signal }) =>
    new Promise((_, reject) => {
      say = (text) => onText?.(text);
      signal?.addEventListener("abort", () => reject(new Error("Ended")));
    });
  const calls = new Calls(transport, { clock, timeoutS: 10 });
  return { calls, clock, say: (text: string) => say(text) };
}

/** What has become of a call, whenever it is asked for. */
function watch(call: Promise<unknown>): () => unknown {
  let outcome: unknown = "goes on";
  call.then(
    () => (outcome = "ended"),
    (error: unknown) => (outcome = error),
  );
  return () => outcome;
}

test("events of which nothing came for 45 seconds are those of a lost connection", async () => {
  const { calls, clock, say } = setup();
  const events = watch(calls.events(() => {}));
  await clock.advance(11_000);
  expect(events()).toBe("goes on");
  say("event: ready\ndata: {}\n\n");
  await clock.advance(44_000);
  expect(events()).toBe("goes on");
  say(": alive\n\n");
  await clock.advance(44_000);
  expect(events()).toBe("goes on");
  await clock.advance(1000);
  expect(events()).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("Nothing came from the branch for 45 s"),
    facts: { reached: true },
  });
});

test("a log may be silent for as long as its worker is", async () => {
  const { calls, clock, say } = setup();
  const log = watch(calls.instances("shop").follow("web", () => {}));
  say("one");
  await clock.advance(3_600_000);
  expect(log()).toBe("goes on");
});

test("events that are ended are no error, however long ago", async () => {
  const { calls, clock, say } = setup();
  const end = new AbortController();
  const events = watch(calls.events(() => end.abort(), end.signal));
  say("event: ready\ndata: {}\n\n");
  await clock.advance(100_000);
  expect(events()).toBe("ended");
});
