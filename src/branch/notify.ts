import { dlopen, FFIType, ptr } from "bun:ffi";

// socket(2), unix(7), send(2), clock_gettime(2)
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;
const PATH_BYTES = 108;

/** What systemd gives to a service that it started (sd_notify(3), sd_watchdog_enabled(3)). */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

type Libc = ReturnType<typeof openLibc>;

/**
 * Tells systemd how the daemon is, over the datagram socket that it was given; says nothing where it was given none. What
 * cannot be sent is lost: nobody waits for it.
 */
export class Notifier {
  /** How often systemd wants to hear that all is well, in ms; undefined where it does not. */
  readonly watchdogMs: number | undefined;
  readonly #address: Uint8Array | undefined;
  readonly #libc: Libc | undefined;
  #isReady = false;

  private constructor(socket: string | undefined, watchdogMs: number | undefined) {
    this.#address = socket === undefined ? undefined : socketAddress(socket);
    this.#libc = this.#address && openLibc();
    this.watchdogMs = this.#libc && watchdogMs;
  }

  /** Takes the variables out of `env`: they are for this process, and not for those that it starts. */
  static from(env: Record<string, string | undefined>): Notifier {
    const [socket, usec, pid] = VARIABLES.map((name) => {
      const value = env[name];
      delete env[name];
      return value === "" ? undefined : value;
    });
    const isForUs = pid === undefined || Number(pid) === process.pid;
    const watchdogMs = Number(usec) / 1000;
    return new Notifier(socket, isForUs && watchdogMs > 0 ? watchdogMs : undefined);
  }

  ready(): void {
    this.#isReady = true;
    this.#send("READY=1");
  }

  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** Does `work` as a reload. One before `ready()` is not told: its end would be taken for that of the start. */
  reload(work: () => void): void {
    if (!this.#isReady) return work();
    if (this.#libc) this.#send(`RELOADING=1\nMONOTONIC_USEC=${monotonicMicroseconds(this.#libc)}`);
    work();
    this.ready();
  }

  /** Within each `watchdogMs`, else systemd ends this process. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }

  /** One line for people, shown by `systemctl status`. */
  status(line: string): void {
    this.#send(`STATUS=${line.replaceAll("\n", " ")}`);
  }

  #send(state: string): void {
    if (!this.#libc || !this.#address) return;
    const { socket, sendto, close } = this.#libc.symbols;
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    const bytes = Buffer.from(state);
    sendto(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(this.#address), this.#address.length);
    close(fd);
  }
}

/** A `sockaddr_un`; undefined for what is no address of a unix socket. `@` begins a name in the abstract namespace. */
function socketAddress(path: string): Uint8Array | undefined {
  const name = Buffer.from(path);
  if (!/^[/@]/.test(path) || name.length >= PATH_BYTES) return undefined;
  if (path.startsWith("@")) name[0] = 0;
  const family = Buffer.from(Uint16Array.of(AF_UNIX).buffer);
  return Buffer.concat([family, name]);
}

function openLibc() {
  const { i32, u64, ptr: pointer } = FFIType;
  return dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    sendto: { args: [i32, pointer, u64, i32, pointer, i32], returns: FFIType.i64 },
    close: { args: [i32], returns: i32 },
    clock_gettime: { args: [i32, pointer], returns: i32 },
  });
}

/** Since the machine started, by the clock that systemd compares it with. */
function monotonicMicroseconds({ symbols }: Libc): bigint {
  const [seconds, nanoseconds] = [0, 1];
  const time = new BigInt64Array(2);
  symbols.clock_gettime(CLOCK_MONOTONIC, ptr(time));
  return (time[seconds] ?? 0n) * 1_000_000n + (time[nanoseconds] ?? 0n) / 1000n;
}
