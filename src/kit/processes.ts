import { dlopen, FFIType } from "bun:ffi";
import { constants } from "node:os";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ExitWatch } from "./exit-watch.ts";
import { openIn } from "./foreign-files.ts";

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot (field 22 of /proc/<pid>/stat, proc(5)). */
  readonly startTicks: number;
  readonly bootId: string;
}

/** How a child of ours ended: a code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SpawnOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Receives what the child writes to standard output and error, appended. */
  readonly logFile: string;
  readonly onExit: (exit: Exit) => void;
}

/** What a process does at this moment, as far as the kernel tells. */
export interface Vitals {
  /** Stopped by a signal: it does nothing until it is continued. */
  readonly isStopped: boolean;
  /** Whether its main thread sleeps, neither running nor waiting for a core. */
  readonly isAsleep: boolean;
  /** CPU time that it used by itself, all threads, without its children, in ms. */
  readonly cpuMs: number;
  /** The function of the kernel in which its main thread waits; null where that is not told. */
  readonly waitsIn: string | null;
  /** How many sets of files it can wait for (epoll) are open: one for each event loop. Null where that is not told. */
  readonly pollers: number | null;
}

/** A process could not be started; the message says why in words for the user. */
export class SpawnError extends Error {}

/** It could not be started since the machine, or a limit of this process, has no room for it now: nothing is wrong with itself. */
export class NoRoomError extends SpawnError {}

/** The operating system, as far as the supervisor needs it. */
export interface Processes {
  /** Starts a process in a session of its own that outlives us. Throws SpawnError. */
  spawn(options: SpawnOptions): ProcessId;
  /** Whether exactly that process still runs; a zombie does not. True as well where that cannot be said now. */
  isAlive(id: ProcessId): boolean;
  /** What that process does now; undefined where it is gone. */
  vitals(id: ProcessId): Vitals | undefined;
  /**
   * Calls back once, soon after a process that is no child of ours ended; gives a function that ends the watching, undefined where
   * it cannot be watched.
   */
  watchExit(id: ProcessId, onExit: () => void): (() => void) | undefined;
  /** Sends a signal to that process alone; false where it is gone. */
  signal(id: ProcessId, signal: NodeJS.Signals): boolean;
  /** Kills what has not ended in the session that `leader` began, whether or not that one still is; how many there were. */
  killSession(leader: ProcessId): number;
  /**
   * The memory in bytes of all processes of each session, of pages that several share a part (PSS), by the pid of the leader. One
   * that has ended, or may not be looked at, is not in it.
   */
  sessionMemory(leaders: readonly ProcessId[]): Promise<Map<number, number>>;
  /** Session leaders that have the variable `name` in their environment, by its value. */
  leadersWith(name: string): Map<string, ProcessId & { readonly argv: readonly string[] }>;
}

/** Linux, by way of /proc. */
export class LinuxProcesses implements Processes {
  readonly #bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  readonly #exitWatch = new ExitWatch();

  spawn({ argv, cwd, env, logFile, onExit }: SpawnOptions): ProcessId {
    const [command = ""] = argv;
    if (!isDirectory(cwd)) throw new SpawnError(`The working directory ${cwd} is not there`);
    if (!Bun.which(command, { PATH: env["PATH"] ?? "", cwd })) {
      throw new SpawnError(`There is no program ${command} (PATH is ${env["PATH"] || "empty"})`);
    }
    const log = openLog(logFile);
    let child: Bun.Subprocess | undefined;
    try {
      child = Bun.spawn([...argv], {
        detached: true,
        cwd,
        env: { ...env },
        stdin: "ignore",
        stdout: log,
        stderr: log,
        onExit: (_child, code, signal) =>
          onExit({ code, signal: signal === null ? null : (signalName(signal) ?? String(signal)) }),
      });
      child.unref();
      // A child that has already ended is a zombie until the event loop turns, so its entry is still there.
      const stat = readStat(child.pid);
      return { pid: child.pid, startTicks: stat?.startTicks ?? 0, bootId: this.#bootId };
    } catch (error) {
      child?.kill("SIGKILL");
      throw spawnError(`Cannot start ${command}`, error);
    } finally {
      closeSync(log);
    }
  }

  isAlive({ pid, startTicks, bootId }: ProcessId): boolean {
    if (bootId !== this.#bootId) return false;
    try {
      const stat = readStat(pid);
      return stat !== undefined && stat.startTicks === startTicks && stat.state !== "Z" && stat.state !== "X";
    } catch {
      // Nobody can say: one that lives is not to be taken for dead.
      return true;
    }
  }

  vitals({ pid, startTicks, bootId }: ProcessId): Vitals | undefined {
    const stat = bootId === this.#bootId ? readStat(pid) : undefined;
    if (!stat || stat.startTicks !== startTicks) return undefined;
    return {
      isStopped: stat.state === "T",
      isAsleep: stat.state === "S",
      cpuMs: stat.cpuTicks * MS_PER_TICK,
      waitsIn: readWait(pid),
      pollers: countPollers(pid),
    };
  }

  watchExit(id: ProcessId, onExit: () => void): (() => void) | undefined {
    const cancel = this.#exitWatch.add(id.pid, onExit);
    // Only now is it sure whose pid that is.
    if (this.isAlive(id)) return cancel;
    cancel?.();
    return undefined;
  }

  signal(id: ProcessId, signal: NodeJS.Signals): boolean {
    return this.isAlive(id) && kill(id.pid, signal);
  }

  killSession(leader: ProcessId): number {
    if (leader.bootId !== this.#bootId) return 0;
    // Linux gives a pid out again only when no session bears it: where a stranger has the leader's, ours is empty.
    const present = readStat(leader.pid);
    if (present && present.startTicks !== leader.startTicks) return 0;
    let killed = 0;
    for (const pid of allPids()) {
      if (sessionOf(pid) !== leader.pid) continue;
      const stat = readStat(pid);
      if (stat?.session !== leader.pid || stat.state === "Z" || stat.state === "X") continue;
      if (kill(pid, "SIGKILL")) killed++;
    }
    return killed;
  }

  async sessionMemory(leaders: readonly ProcessId[]): Promise<Map<number, number>> {
    const bytes = new Map(leaders.map(({ pid }) => [pid, 0]));
    for (const pid of allPids()) {
      const session = sessionOf(pid);
      const sum = bytes.get(session);
      if (sum === undefined) continue;
      const own = await readMemory(pid);
      if (own === undefined) bytes.delete(session);
      else bytes.set(session, sum + own);
    }
    for (const leader of leaders) if (!this.isAlive(leader)) bytes.delete(leader.pid);
    return bytes;
  }

  leadersWith(name: string): Map<string, ProcessId & { readonly argv: readonly string[] }> {
    const found = new Map<string, ProcessId & { readonly argv: readonly string[] }>();
    for (const pid of allPids()) {
      const stat = readStat(pid);
      if (!stat || stat.session !== pid || stat.state === "Z") continue;
      const value = readEnv(pid, name);
      if (value === undefined) continue;
      found.set(value, { pid, startTicks: stat.startTicks, bootId: this.#bootId, argv: readList(pid, "cmdline") });
    }
    return found;
  }
}

let getsid: ((pid: number) => number) | undefined;

/** The session of a process, which reading its entry in /proc tells too, in thirty times the time; -1 where there is none. */
export function sessionOf(pid: number): number {
  getsid ??= dlopen("libc.so.6", { getsid: { args: [FFIType.i32], returns: FFIType.i32 } }).symbols.getsid;
  return getsid(pid);
}

interface Stat {
  readonly state: string;
  readonly session: number;
  readonly startTicks: number;
  readonly cpuTicks: number;
  /** Of its children that have ended and that it has heard of. */
  readonly endedChildrenTicks: number;
  readonly residentPages: number;
}

/** Linux tells times to programs in hundredths of a second, whatever it counts in itself. */
export const MS_PER_TICK = 10;

/** Fields of /proc/<pid>/stat; undefined where there is no such process. Throws where that cannot be said now. */
export function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = withReserve(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (error) {
    if (isOneOf(NO_ROOM, error)) throw error;
    return undefined;
  }
  // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const cpuTicks = Number(fields[11]) + Number(fields[12]);
  return {
    state: fields[0] ?? "",
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    cpuTicks,
    endedChildrenTicks: Number(fields[13]) + Number(fields[14]),
    residentPages: Number(fields[21]),
  };
}

/** "0" is the answer for a process that runs, and for one of another user. */
function readWait(pid: number): string | null {
  try {
    const name = readFileSync(`/proc/${pid}/wchan`, "latin1").trim();
    return name === "" || name === "0" ? null : name;
  } catch {
    return null;
  }
}

function countPollers(pid: number): number | null {
  try {
    const files = readdirSync(`/proc/${pid}/fd`);
    return files.filter((file) => linkOf(`/proc/${pid}/fd/${file}`) === "anon_inode:[eventpoll]").length;
  } catch {
    return null;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since it was listed.
    return undefined;
  }
}

/** Bytes; 0 where it has ended, undefined where it may not be looked at. Not at once: the kernel walks all its pages for it. */
async function readMemory(pid: number): Promise<number | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "latin1");
    return Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "ENOENT" || code === "ESRCH" ? 0 : undefined;
  }
}

export function allPids(): number[] {
  return withReserve(() => readdirSync("/proc"))
    .map(Number)
    .filter((pid) => Number.isInteger(pid));
}

/** NUL-separated texts; none where the process is gone or is another user's. */
function readList(pid: number, file: "cmdline" | "environ"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function readEnv(pid: number, name: string): string | undefined {
  const prefix = `${name}=`;
  return readList(pid, "environ")
    .find((entry) => entry.startsWith(prefix))
    ?.slice(prefix.length);
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function openLog(path: string): number {
  try {
    return openIn(path, "append");
  } catch (error) {
    throw spawnError("Cannot write the log of the worker", error);
  }
}

/** No more processes (EAGAIN), memory, open files of this process or of the machine; no space on the disk. */
const NO_ROOM = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE", "ENOSPC", "EDQUOT"];

/** The same for people; a NoRoomError where that is the reason. */
export function spawnError(what: string, error: unknown): SpawnError {
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  return isOneOf(NO_ROOM, error) ? new NoRoomError(message) : new SpawnError(message);
}

const isOneOf = (codes: readonly string[], error: unknown) =>
  codes.includes((error as NodeJS.ErrnoException).code ?? "");

/** A file that is open for nothing, to be given up when no more may be: what runs is to be seen all the same. */
let reserve: number | undefined;

/** Reads with the reserve where no more files may be open. */
function withReserve<T>(read: () => T): T {
  reserve ??= reopened();
  try {
    return read();
  } catch (error) {
    if (reserve === undefined || !isOneOf(["EMFILE", "ENFILE"], error)) throw error;
    closeSync(reserve);
    try {
      return read();
    } finally {
      reserve = reopened();
    }
  }
}

/** Undefined where somebody took its place: the next read tries again. */
function reopened(): number | undefined {
  try {
    return openSync("/dev/null", "r");
  } catch {
    return undefined;
  }
}

/** Bun tells a signal by number. */
function signalName(signal: number | string): string | undefined {
  if (typeof signal === "string") return signal;
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
}
