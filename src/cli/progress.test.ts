import { expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { showProgress } from "./progress.ts";

function setup(stderrIsTTY: boolean) {
  const clock = new ManualClock();
  const written: string[] = [];
  const stderr = (text: string) => written.push(text);
  const { signal } = new AbortController();
  const io = { stdout: stderr, stderr, stdoutIsTTY: false, stderrIsTTY, signal };
  return { clock, written, progress: showProgress(io, "tasks.wait u: waiting for the result", clock) };
}

test("a long wait shows its seconds on one line of the terminal, which is erased at the end", async () => {
  const { clock, written, progress } = setup(true);
  await clock.advance(1999);
  expect(written).toEqual([]);
  await clock.advance(1001);
  expect(written).toEqual([2, 3].map((s) => `\r\u001B[Ktasks.wait u: waiting for the result, ${s} s`));
  progress.stop();
  await clock.advance(5000);
  expect(written.slice(2)).toEqual(["\r\u001B[K"]);
});

test("what else is said does not stand in the line, which comes back", async () => {
  const { clock, written, progress } = setup(true);
  await clock.advance(2000);
  progress.say("warning: no answer from b2\n");
  await clock.advance(1000);
  progress.stop();
  expect(written.slice(1)).toEqual([
    "\r\u001B[K",
    "warning: no answer from b2\n",
    "\r\u001B[Ktasks.wait u: waiting for the result, 3 s",
    "\r\u001B[K",
  ]);
});

test("a short wait shows nothing", async () => {
  const { clock, written, progress } = setup(true);
  await clock.advance(500);
  progress.stop();
  await clock.advance(5000);
  expect(written).toEqual([]);
});

test("nothing is shown where standard error is no terminal", async () => {
  const { clock, written } = setup(false);
  await clock.advance(5000);
  expect(written).toEqual([]);
});
