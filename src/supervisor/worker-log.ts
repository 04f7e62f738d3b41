import { closeSync, fstatSync, readSync, statSync } from "node:fs";
import type { Broker } from "../domain/broker.ts";
import { openIn } from "../kit/foreign-files.ts";

const TAIL_BYTES = 16_384;
const TAIL_LINES = 20;

/** Size of the log now, in bytes: where the lines of the next worker begin. */
export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines after byte `from`, without the broker's password; none where there is no log. */
export function logTail(file: string, from: number, broker: Broker, lines = TAIL_LINES): string[] {
  const text = readEnd(file, from);
  const kept = text.split("\n").map((line) => redact(line.trimEnd(), broker));
  return kept.filter((line) => line !== "").slice(-lines);
}

/** The line that Celery writes at a TERM (celery/apps/worker.py), and those that it writes when it starts and when it is there. */
const ENDS = "worker: Warm shutdown (MainProcess)";
const BEGINS = /^ -------------- |\S+@\S+ ready\.$/;

/**
 * Whether the worker whose lines begin at byte `from` says that it is ending: somebody has told it to. Without `from` (0: nobody saw it
 * begin) only where the end of the log reaches back to its beginning, since the lines may be of the one before. A task may write the
 * same line, so it is to be believed only of a worker that does not answer.
 */
export function saysItIsEnding(file: string, from: number): boolean {
  const lines = readEnd(file, from).split("\n");
  const began = lines.findLastIndex((line) => BEGINS.test(line));
  return lines.lastIndexOf(ENDS) > began && (from > 0 || began >= 0);
}

/** The line that most likely says what went wrong; undefined where none looks like it. */
export function tellingLine(lines: readonly string[]): string | undefined {
  return lines.findLast((line) =>
    /error|exception|usage|refused|no such|no attribute|not found|cannot|unable/i.test(line),
  );
}

/** In words, why a worker ended, with the line of its log that says most. */
export function reasonOf({ why, log }: { readonly why: string; readonly log: readonly string[] }): string {
  const line = tellingLine(log) ?? log.at(-1);
  return line === undefined ? why : `${why}; its log says: ${line}`;
}

function readEnd(file: string, from: number): string {
  let fd: number;
  try {
    fd = openIn(file, "read");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(fd);
    // A log that was cut short by a rotation begins anew.
    const begin = from > size ? 0 : from;
    const start = Math.max(begin, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    const length = readSync(fd, buffer, 0, buffer.length, start);
    const text = buffer.toString("utf8", 0, length);
    if (start === begin) return text;
    // The first line is not whole, and may begin in the middle of a password that would not be known for one.
    const newline = text.indexOf("\n");
    return newline < 0 ? "" : text.slice(newline + 1);
  } finally {
    closeSync(fd);
  }
}

/** Celery masks passwords itself, but a traceback may quote one. The user's own name is no secret, so it stays. */
function redact(line: string, { password, userid }: Broker): string {
  if (password === "" || password === userid) return line;
  return [password, encodeURIComponent(password)].reduce((text, secret) => text.replaceAll(secret, "**"), line);
}
