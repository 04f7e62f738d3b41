import { expect, test } from "bun:test";
import { join } from "node:path";

/** Writes far more than a pipe holds, and says at the end whether it was told that nobody reads. */
const PROGRAM = `
  import { processIo } from ${JSON.stringify(join(import.meta.dir, "io.ts"))};
  const io = processIo({ interrupted: new AbortController().signal });
  io.signal.addEventListener("abort", () => { clearInterval(writing); io.stderr("not written"); });
  const writing = setInterval(() => io.stdout("x".repeat(100_000)), 1);
`;

test("a reader that goes away ends the output without a word", async () => {
  const writer = Bun.spawn([process.execPath, "-e", PROGRAM], { stdout: "pipe", stderr: "pipe", timeout: 10_000 });
  const reader = writer.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await writer.stderr.text()).toBe("");
  expect(await writer.exited).toBe(0);
});
