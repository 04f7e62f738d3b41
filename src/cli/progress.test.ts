import { expect, test } from "bun:test";
import { ManualClock } from "../kit/clock.ts";
import { showProgress } from "./progress.ts";
import type { Waiting } from "./waiting.ts";

function setup(stderrIsTTY: boolean, { waiting, columns = 80 }: { waiting?: Waiting; columns?: number } = {}) {
  const clock = new ManualClock();
  const written: string[] = [];
  const stderr = (text: string) => written.push(text);
  const io = { stderr, stderrIsTTY, stderrColumns: columns };
  return { clock, written, progress: showProgress(io, "tasks.wait u: waiting for the result", waiting, clock) };
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

test("what is waited for is asked once a second, and said as soon as it is told", async () => {
  let asked = 0;
  const waiting = async () => `${++asked} of 3 stopped`;
  const { clock, written, progress } = setup(true, { waiting });
  await clock.advance(2000);
  await clock.advance(1000);
  progress.stop();
  await clock.advance(5000);
  expect(asked).toBe(2);
  expect(written.map((text) => text.replace("\r\u001B[K", ""))).toEqual([
    "tasks.wait u: waiting for the result, 2 s",
    "tasks.wait u: waiting for the result, 1 of 3 stopped, 2 s",
    "tasks.wait u: waiting for the result, 1 of 3 stopped, 3 s",
    "tasks.wait u: waiting for the result, 2 of 3 stopped, 3 s",
    "",
  ]);
});

test("a branch that does not tell is asked one thing at a time, and hides no seconds", async () => {
  let asked = 0;
  const waiting = () => {
    asked++;
    return new Promise<string>(() => {});
  };
  const { clock, written, progress } = setup(true, { waiting });
  await clock.advance(5000);
  progress.stop();
  expect(asked).toBe(1);
  expect(written.at(-2)).toEndWith("result, 5 s");
});

test("the line is cut where the terminal is narrow, but for its seconds", async () => {
  const { clock, written } = setup(true, { columns: 20 });
  await clock.advance(2000);
  expect(written).toEqual(["\r\u001B[Ktasks.wait u:…, 2 s"]);
});
