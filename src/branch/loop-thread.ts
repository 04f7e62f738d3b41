import { dlopen, FFIType } from "bun:ffi";
import { closeSync, openSync, writeSync } from "node:fs";
import { formatLine } from "../kit/log-line.ts";
import { Beats, type ThreadTask } from "./loop-watch.ts";

/* The thread that watches over the event loop of the daemon, which cannot do so itself while something holds it. */

const FAILED = 1;
const STDERR = 2;
/** For the last words: what holds the loop may be the disk that they go to. */
const LAST_WORDS_S = 10;

declare const self: Worker;

self.addEventListener("message", ({ data }: MessageEvent<ThreadTask>) => watch(data), { once: true });

/** Time is counted in looks, so that a machine that was paused, or a clock that was set, says nothing of the loop. */
function watch({ shared, everyMs, givenUpLooks, logFile }: ThreadTask): void {
  const beats = new Beats(shared);
  let last = beats.turns;
  let silent = 0;
  setInterval(() => {
    beats.look();
    silent = beats.turns === last ? silent + 1 : 0;
    last = beats.turns;
    if (silent >= givenUpLooks) end((silent * everyMs) / 1000, logFile);
  }, everyMs);
}

function end(heldS: number, logFile: string | null): void {
  const { i32, u32 } = FFIType;
  const { symbols: libc } = dlopen("libc.so.6", {
    alarm: { args: [u32], returns: u32 },
    quick_exit: { args: [i32], returns: FFIType.void },
  });
  libc.alarm(LAST_WORDS_S);
  const message = "the event loop is held up: the branch ends, its workers stay";
  say(formatLine(new Date(), "CRITICAL", message, { held_s: heldS }), logFile);
  // Not process.exit, which ends this thread alone.
  libc.quick_exit(FAILED);
}

function say(line: string, logFile: string | null): void {
  try {
    const fd = logFile === null ? STDERR : openSync(logFile, "a", 0o600);
    writeSync(fd, line);
    if (fd !== STDERR) closeSync(fd);
  } catch {
    // The exit status says it too.
  }
}
