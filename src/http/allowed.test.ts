import { describe, expect, test } from "bun:test";
import type { Who } from "../domain/access.ts";
import { CymeError, unavailable } from "../domain/errors.ts";
import { ManualClock } from "../kit/clock.ts";
import { whileAllowed } from "./allowed.ts";

const ann: Who = { name: "ann", role: "viewer", by: "session", from: "127.0.0.1" };

function setup(reader = ann) {
  const clock = new ManualClock();
  const left = new AbortController();
  const now: { who: Who | Error; asked: number } = { who: reader, asked: 0 };
  const identify = async () => {
    now.asked++;
    if (now.who instanceof Error) throw now.who;
    return now.who;
  };
  return { clock, left, now, allowed: whileAllowed(reader, identify, left.signal, clock) };
}

describe("an answer that goes on", () => {
  test("goes on while its reader may see it", async () => {
    const { clock, allowed } = setup();
    await clock.advance(60_000);
    expect(allowed.aborted).toBe(false);
  });

  test.each<[string, Who | Error]>([
    ["the session has ended", new CymeError("unauthorized", "ended")],
    ["the role is another one", { ...ann, role: "operator" }],
    ["it is somebody else's", { ...ann, name: "bob" }],
  ])("ends soon after %s", async (_, who) => {
    const { clock, allowed, now } = setup();
    now.who = who;
    await clock.advance(10_000);
    expect(allowed.aborted).toBe(true);
  });

  test("ends at once where nobody was known, and somebody is", async () => {
    const { clock, allowed, now } = setup({ name: null, role: "admin", by: "open", from: null });
    now.who = new CymeError("unauthorized", "closed");
    await clock.advance(1_000);
    expect(allowed.aborted).toBe(true);
  });

  test("goes on where it cannot be told just now", async () => {
    const { clock, allowed, now } = setup();
    now.who = unavailable("busy");
    await clock.advance(30_000);
    expect(allowed.aborted).toBe(false);
  });

  test("ends with its reader, whom nobody asks for any more", async () => {
    const { clock, left, allowed, now } = setup();
    left.abort();
    expect(allowed.aborted).toBe(true);
    await clock.advance(60_000);
    expect(now.asked).toBe(0);
  });
});
