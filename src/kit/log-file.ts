import {
  closeSync,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pointStandardStreamsTo } from "./standard-streams.ts";

/** Where the lines of a log go. */
export interface LineSink {
  /** Writes text that ends in a newline; false where it could not be written whole. Never throws. */
  write(text: string): boolean;
}

/** Standard error. Its reader may go away, or be slower than we are. */
export const standardError: LineSink = { write: (text) => tryWrite(2, Buffer.from(text)) === "whole" };

interface Rotation {
  /** A file that would become larger is set aside first. */
  readonly maxBytes: number;
  /** How many of those stay, at least one, as `.1` (the newest), `.2`, …: the oldest is deleted. */
  readonly kept: number;
}

/** How often, at most, a file that is written to is looked at, whether it is still the one at its path. */
const LOOK_MS = 1000;
/** As many as Linux follows. */
const MOST_LINKS = 40;

/**
 * A file that lines are appended to. It is opened anew when `reopen()` is called and when it is no longer the file at its
 * path: deleted, or moved away by somebody. Where that cannot be, as in a folder that is gone, the old one is written
 * on, and looked at again. Where the path is a link, the file that it leads to is the one that is set aside.
 */
export class LogFile implements LineSink {
  readonly #path: string;
  readonly #rotation: Rotation | undefined;
  #hasStandardStreams = false;
  #fd: number;
  /** The file without links; undefined where it is none to be set aside. */
  #target: string | undefined;
  /** At least what the file has, unless others shorten it. */
  #bytes: number;
  /** The last line was cut off: what follows begins a new one. */
  #isTorn = false;
  #lookedMs = performance.now();

  /** Throws where the file cannot be opened. It is created for the user alone. Without `rotation` others see to its size. */
  constructor(path: string, rotation?: Rotation) {
    this.#path = path;
    this.#rotation = rotation;
    this.#fd = openSync(path, "a", 0o600);
    this.#target = targetOf(path);
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Has standard output and error go there too from now on: what the runtime itself says as it dies. */
  takeStandardStreams(): void {
    this.#hasStandardStreams = true;
    pointStandardStreamsTo(this.#fd);
  }

  write(text: string): boolean {
    this.#follow();
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text);
    this.#rotateFor(bytes.length);
    const written = tryWrite(this.#fd, bytes);
    if (written === "nothing") return false;
    this.#bytes += bytes.length;
    this.#isTorn = written === "a part";
    return !this.#isTorn;
  }

  /** Opens the file at the path anew. Throws where that cannot be; the old one is written on then. */
  reopen(): void {
    const fd = openSync(this.#path, "a", 0o600);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#target = targetOf(this.#path);
    this.#bytes = fstatSync(fd).size;
    this.#isTorn = false;
    if (this.#hasStandardStreams) pointStandardStreamsTo(fd);
  }

  /** Opens what is at the path now, where that is another file, or none. */
  #follow(): void {
    if (performance.now() - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = performance.now();
    attempt(() => {
      if (!isSame(fstatSync(this.#fd), statSync(this.#path, { throwIfNoEntry: false }))) this.reopen();
    });
  }

  #rotateFor(bytes: number): void {
    const rotation = this.#rotation;
    const target = this.#target;
    if (!rotation || target === undefined || this.#bytes + bytes <= rotation.maxBytes || this.#bytes === 0) return;
    // Somebody may have emptied it meanwhile, as `copytruncate` does.
    const file = fstatSync(this.#fd);
    this.#bytes = file.size;
    if (!file.isFile() || file.size + bytes <= rotation.maxBytes) return;
    // Counted as empty also where this fails, so that it is tried again when as much has come on top.
    this.#bytes = 0;
    attempt(() => {
      setAside(target, rotation.kept);
      this.reopen();
    });
  }
}

/**
 * Where the links at `path` lead; undefined where they lead through /dev or /proc: what is there stands for an open file, which would be
 * written to under its new name.
 */
function targetOf(path: string): string | undefined {
  let at = resolve(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    if (/^\/(proc|dev(?!\/shm))\//.test(at)) return undefined;
    const folder = attempt(() => realpathSync(dirname(at)));
    if (folder === undefined) return undefined;
    const file = join(folder, basename(at));
    const link = attempt(() => readlinkSync(file));
    if (link === undefined) return file;
    at = resolve(folder, link);
  }
  return undefined;
}

/** Makes room at `path`: what is there becomes `.1`, that one `.2`, and so on. */
function setAside(path: string, kept: number): void {
  for (let number = kept - 1; number > 0; number--) {
    if (statSync(`${path}.${number}`, { throwIfNoEntry: false })) {
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    }
  }
  renameSync(path, `${path}.1`);
}

const isSame = (open: Stats, present: Stats | undefined) => open.ino === present?.ino && open.dev === present.dev;

function tryWrite(fd: number, bytes: Uint8Array): "whole" | "a part" | "nothing" {
  try {
    const written = writeSync(fd, bytes);
    return written === bytes.length ? "whole" : written > 0 ? "a part" : "nothing";
  } catch {
    return "nothing";
  }
}

/** A log has nowhere to say what went wrong with itself: it goes on as it was. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
