import { closeSync } from "node:fs";
import { dlopen, FFIType, ptr } from "bun:ffi";

// pidfd_open(2), which has no function in older C libraries; poll(2)
const PIDFD_OPEN = 434;
const POLLIN = 1;
const POLLFD_BYTES = 8;
const REVENTS_OFFSET = 6;
/** A look costs some ten nanoseconds for each process. */
const LOOK_MS = 10;

const openLibc = () =>
  dlopen("libc.so.6", {
    syscall: { args: [FFIType.i64, FFIType.i64, FFIType.i64], returns: FFIType.i64 },
    poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  }).symbols;

interface Watched {
  readonly fd: number;
  readonly onExit: () => void;
}

/**
 * Tells within some ten milliseconds of the end of processes that are no children of ours: by a file descriptor for each, which
 * says that it ended, also of a zombie, and all of which are looked at by one system call. The event loop cannot wait for them.
 */
export class ExitWatch {
  readonly #watched = new Set<Watched>();
  #libc: ReturnType<typeof openLibc> | undefined;
  #fds = new Uint8Array(0);
  #order: readonly Watched[] = [];
  #timer: Timer | undefined;

  /**
   * Calls back once when the process that has this pid now ends; gives a function that ends the watching, or undefined where
   * that cannot be watched (it is gone, the kernel is from before 5.3, or no more files may be open).
   */
  add(pid: number, onExit: () => void): (() => void) | undefined {
    this.#libc ??= openLibc();
    const fd = Number(this.#libc.syscall(PIDFD_OPEN, pid, 0));
    if (fd < 0) return undefined;
    const watched = { fd, onExit };
    this.#watched.add(watched);
    this.#arrange();
    return () => this.#remove(watched);
  }

  #remove(watched: Watched): void {
    if (!this.#watched.delete(watched)) return;
    closeSync(watched.fd);
    this.#arrange();
  }

  /** Writes down for poll(2) whom to look at: struct pollfd { int fd; short events, revents; }. */
  #arrange(): void {
    this.#order = [...this.#watched];
    this.#fds = new Uint8Array(this.#order.length * POLLFD_BYTES);
    const view = new DataView(this.#fds.buffer);
    for (const [i, { fd }] of this.#order.entries()) {
      view.setInt32(i * POLLFD_BYTES, fd, true);
      view.setInt16(i * POLLFD_BYTES + 4, POLLIN, true);
    }
    if (this.#order.length > 0) this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    else this.#stopLooking();
  }

  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const ready = this.#libc?.poll(ptr(this.#fds), this.#order.length, 0) ?? 0;
    if (ready <= 0) return;
    const view = new DataView(this.#fds.buffer);
    const ended = this.#order.filter((_, i) => view.getInt16(i * POLLFD_BYTES + REVENTS_OFFSET, true) !== 0);
    for (const watched of ended) {
      this.#remove(watched);
      watched.onExit();
    }
  }
}
