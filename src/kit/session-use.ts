import { dlopen, FFIType } from "bun:ffi";
import { allPids, MS_PER_TICK, readStat, sessionOf } from "./processes.ts";

/** What the processes of a session use. */
export interface SessionUse {
  /** CPU time that they have used so far, and those of their children that have ended. */
  readonly cpuMs: number;
  /** Resident memory in bytes; a page that several share counts for each. */
  readonly residentBytes: number;
}

/** After so many the event loop gets a turn. */
const READ_AT_ONCE = 100;
const NOTHING: SessionUse = { cpuMs: 0, residentBytes: 0 };

let pageBytes: number | undefined;

/** By the pid of the leader; one look at all processes, however many leaders. A session that has ended is not in it. */
export async function sessionUse(leaders: ReadonlySet<number>): Promise<Map<number, SessionUse>> {
  const use = new Map<number, SessionUse>();
  if (leaders.size === 0) return use;
  pageBytes ??= pageSize();
  let read = 0;
  for (const pid of allPids()) {
    const session = sessionOf(pid);
    if (!leaders.has(session)) continue;
    if (++read % READ_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    const stat = readStat(pid);
    if (!stat || stat.session !== session) continue;
    const { cpuMs, residentBytes } = use.get(session) ?? NOTHING;
    use.set(session, {
      cpuMs: cpuMs + (stat.cpuTicks + stat.endedChildrenTicks) * MS_PER_TICK,
      residentBytes: residentBytes + stat.residentPages * pageBytes,
    });
  }
  return use;
}

function pageSize(): number {
  const libc = dlopen("libc.so.6", { getpagesize: { args: [], returns: FFIType.i32 } });
  return libc.symbols.getpagesize();
}
