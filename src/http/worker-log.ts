import { closeSync, fstatSync, readSync } from "node:fs";
import { openIn } from "../kit/foreign-files.ts";

const CHUNK_BYTES = 65_536;
/** Most of a log that one answer holds. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Most that one answer to another branch holds: the bus bounds its messages, and holds up others with large ones. */
const PART_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 250;
const NEWLINE = 10;
const NOTHING_YET = Buffer.from("\n");

/**
 * What branches ask each other: the first part of the last lines, and what comes after a position. Nobody else chooses where a part begins:
 * in the middle of a password it would not be known for one.
 */
export const LOG_PART_PARAMS = ["after", "parts"] as const;

/** The header that says how far a log was read, to be given back as the parameter `after`. */
export const LOG_POSITION = "x-cyme-log-position";

/** The header that says how far the log goes. */
export const LOG_END = "x-cyme-log-end";

/** A part of a log, the place after it and the end of the log: the number of the file and the offset. */
export interface LogPart {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly position: string;
  readonly end: string;
}

const NO_FILE: LogPart = { bytes: new Uint8Array(), position: "0:0", end: "0:0" };

/** The last `lines` lines of a file, as bytes; none where there is no file. */
export function lastLines(file: string, lines: number): LogPart {
  const part = withFile(file, (fd) => {
    const { size, ino } = fstatSync(fd);
    return partOf(ino, size, readTail(fd, size, lines), size);
  });
  return part ?? NO_FILE;
}

/** The first part of the last `lines` lines. */
export function firstOfLastLines(file: string, lines: number): LogPart {
  const part = withFile(file, (fd) => {
    const { size, ino } = fstatSync(fd);
    const tail = readTail(fd, size, lines);
    const end = endOfTail(fd, size, lines);
    const bytes = tail.subarray(0, PART_BYTES);
    return partOf(ino, end - tail.length + bytes.length, bytes, end);
  });
  return part ?? NO_FILE;
}

/** The part that was written after a position, from the start where it is another file by now, or a shorter one. */
export function linesAfter(file: string, position: string): LogPart {
  const [inode, given] = position.split(":").map(Number);
  const part = withFile(file, (fd) => {
    const { size, ino } = fstatSync(fd);
    const isSame = ino === inode && given !== undefined && given <= size;
    const offset = isSame ? given : 0;
    const bytes = readAt(fd, offset, Math.min(size - offset, PART_BYTES));
    return partOf(ino, offset + bytes.length, bytes, size);
  });
  return part ?? NO_FILE;
}

const partOf = (inode: number, offset: number, bytes: Uint8Array<ArrayBuffer>, size: number): LogPart => ({
  bytes,
  position: `${inode}:${offset}`,
  end: `${inode}:${size}`,
});

/** The last `lines` lines (an empty one where there are none), and then what is written, until `signal`. A file that is cut short or replaced is read from its start. */
export function followLog(file: string, lines: number, signal: AbortSignal): ReadableStream<Uint8Array> {
  let offset = 0;
  let inode = 0;
  const first = withFile(file, (fd) => {
    const { size, ino } = fstatSync(fd);
    [offset, inode] = [endOfTail(fd, size, lines), ino];
    return readTail(fd, size, lines);
  });
  const readNew = () =>
    withFile(file, (fd) => {
      const { size, ino } = fstatSync(fd);
      if (ino !== inode || size < offset) offset = 0;
      inode = ino;
      const bytes = readAt(fd, offset, Math.min(size - offset, MAX_BYTES));
      offset += bytes.length;
      return bytes;
    });
  let timer: ReturnType<typeof setInterval> | undefined;
  let isOpen = true;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const end = () => {
        clearInterval(timer);
        if (isOpen) controller.close();
        isOpen = false;
      };
      // Headers go out with the first byte: an empty line lets the reader of a quiet log know that it was found.
      controller.enqueue(first && first.length > 0 ? first : NOTHING_YET);
      timer = setInterval(() => {
        // Nothing is kept for a reader that does not read.
        try {
          const bytes = (controller.desiredSize ?? 0) > 0 ? readNew() : undefined;
          if (bytes && bytes.length > 0) controller.enqueue(bytes);
        } catch {
          // The disk does not give it: the reader sees the end.
          end();
        }
      }, LOOK_MS);
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    },
    cancel() {
      clearInterval(timer);
      isOpen = false;
    },
  });
}

/** The last `lines` lines, of which each byte is looked at once: the last one perhaps without its end. */
function readTail(fd: number, size: number, lines: number): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let start = size;
  let left = lines;
  while (left > 0 && start > 0 && size - start < MAX_BYTES) {
    const length = Math.min(CHUNK_BYTES, start);
    start -= length;
    const chunk = readAt(fd, start, length);
    const found = beginOfLines(chunk, left, start + chunk.length === size);
    left = found.left;
    chunks.push(chunk.subarray(found.begin));
  }
  const tail = new Uint8Array(Buffer.concat(chunks.toReversed()));
  if (left === 0 || start === 0) return tail;
  // Cut off, the first line is not whole, and might begin in the middle of a password.
  const end = tail.indexOf(NEWLINE);
  return end < 0 ? new Uint8Array() : tail.slice(end + 1);
}

/** Where the last `lines` lines begin, and how many of them begin before these bytes. */
function beginOfLines(bytes: Uint8Array, lines: number, isEnd: boolean): { begin: number; left: number } {
  let left = lines;
  let at = bytes.length - (isEnd && bytes.at(-1) === NEWLINE ? 1 : 0);
  while (at > 0) {
    at = bytes.lastIndexOf(NEWLINE, at - 1);
    if (at < 0) break;
    if (--left === 0) return { begin: at + 1, left };
  }
  return { begin: 0, left };
}

/** Where it goes on after the last `lines` lines: after none with the line that is being written, as a whole. */
function endOfTail(fd: number, size: number, lines: number): number {
  if (lines > 0) return size;
  const last = readTail(fd, size, 1);
  return last.at(-1) === NEWLINE ? size : size - last.length;
}

function readAt(fd: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(Math.max(0, length));
  const read = length <= 0 ? 0 : readSync(fd, buffer, 0, buffer.length, offset);
  return buffer.subarray(0, read);
}

function withFile<T>(file: string, work: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openIn(file, "read");
  } catch {
    return undefined;
  }
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}
