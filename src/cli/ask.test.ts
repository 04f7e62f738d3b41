import { describe, expect, test } from "bun:test";
import { askLine } from "./ask.ts";

/** A terminal on which the test types. */
function terminal(signal = new AbortController().signal) {
  const seen = { shown: "", isRaw: false, interrupts: 0 };
  let typed: ((bytes: Uint8Array) => void) | undefined;
  const keyboard = {
    setRawMode: (isRaw: boolean) => void (seen.isRaw = isRaw),
    on: (_event: "data", listener: (bytes: Uint8Array) => void) => void (typed = listener),
    off: () => void (typed = undefined),
    resume() {},
    pause() {},
  };
  const io = { stderr: (text: string) => void (seen.shown += text), signal };
  const ask = (isSecret: boolean) => askLine("? ", { isSecret }, keyboard, io, () => void seen.interrupts++);
  const type = (text: string) => typed?.(new TextEncoder().encode(text));
  return { seen, ask, type };
}

describe("askLine()", () => {
  test("shows nothing of a secret", async () => {
    const { seen, ask, type } = terminal();
    const line = ask(true);
    expect(seen.isRaw).toBe(true);
    for (const key of "hüsh\r") type(key);
    expect(await line).toBe("hüsh");
    expect(seen).toEqual({ shown: "? \n", isRaw: false, interrupts: 0 });
  });

  test("shows what else is typed", async () => {
    const { seen, ask, type } = terminal();
    const line = ask(false);
    type("ann\n");
    expect(await line).toBe("ann");
    expect(seen.shown).toContain("? ann");
  });

  test("takes back what was typed wrong", async () => {
    const { ask, type } = terminal();
    const line = ask(true);
    type("wrong\u0015hü\u007f\u007fhush\r");
    expect(await line).toBe("hush");
  });

  test("is interrupted by Ctrl-C, which the terminal does not do by itself then", async () => {
    const end = new AbortController();
    const { seen, ask, type } = terminal(end.signal);
    const line = ask(true);
    type("hu\u0003");
    expect(seen.interrupts).toBe(1);
    end.abort();
    await expect(line).rejects.toThrow("interrupted");
    expect(seen.isRaw).toBe(false);
  });
});
