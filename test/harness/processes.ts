import { readdirSync, readFileSync } from "node:fs";

/** What /proc tells about a process that has not ended; zombies have. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly command: string;
}

/** Whether `pid` runs: neither gone nor a zombie. */
export function alive(pid: number): boolean {
  return describe(pid) !== undefined;
}

/** The session that `pid` belongs to; undefined once it has ended. */
export function session(pid: number): number | undefined {
  return describe(pid)?.session;
}

/** All processes that run, as far as /proc shows them. */
export function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => describe(Number(name)) ?? []);
}

/**
 * The processes which belong to the workers of an instance directory: their environment has a CYME_WORKER below it, or they
 * are in the session of one that has.
 */
export function processesOf(dir: string): Process[] {
  const all = processes();
  const marked = new Set(all.filter(({ pid }) => workerFolder(pid)?.startsWith(`${dir}/`)).map((p) => p.session));
  return all.filter((p) => marked.has(p.session));
}

/** All processes that have ended and that nobody has waited for. */
export function zombies(): Pick<Process, "pid" | "parent" | "session">[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(Number(name));
      return stat?.state === "Z" ? [stat] : [];
    });
}

function workerFolder(pid: number): string | undefined {
  const variable = read(`/proc/${pid}/environ`)
    ?.split("\0")
    .find((text) => text.startsWith("CYME_WORKER="));
  return variable?.slice("CYME_WORKER=".length);
}

function describe(pid: number): Process | undefined {
  const stat = statOf(pid);
  if (stat === undefined || "ZX".includes(stat.state)) return undefined;
  const command = read(`/proc/${pid}/cmdline`)?.split("\0").join(" ").trim() ?? "";
  return { pid, parent: stat.parent, session: stat.session, command };
}

function statOf(pid: number) {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command's name stands in parentheses and may hold anything, also ") R 1".
  const [state = "", parent, , sid] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, state, parent: Number(parent), session: Number(sid) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // The process ended while we looked, or is another user's.
  }
}
