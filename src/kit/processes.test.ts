import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/harness/wait.ts";
import { LinuxProcesses, SpawnError, type Exit, type ProcessId, type Vitals } from "./processes.ts";

const folder = mkdtempSync(join(tmpdir(), "cyme-processes-"));
const processes = new LinuxProcesses();
const started: ProcessId[] = [];

afterAll(() => {
  for (const id of started) processes.killSession(id);
  rmSync(folder, { recursive: true });
});

const PATH = process.env["PATH"] ?? "/usr/bin:/bin";
let logs = 0;

/** Starts a shell script in a session of its own; `exit` is undefined until it has ended. */
function start(script: string, env: Record<string, string> = {}) {
  const logFile = join(folder, `${++logs}.log`);
  const child: { id: ProcessId; logFile: string; exit: Exit | undefined } = {
    id: { pid: 0, startTicks: 0, bootId: "" },
    logFile,
    exit: undefined,
  };
  child.id = processes.spawn({
    argv: ["sh", "-c", script],
    cwd: folder,
    env: { PATH, TEST_OF: folder, ...env },
    logFile,
    onExit: (exit) => (child.exit = exit),
  });
  started.push(child.id);
  return child;
}

const exited = (child: { exit: Exit | undefined }) => until(() => child.exit, { what: "the exit", everyMs: 5 });
const says = (child: { logFile: string }, text: string) =>
  until(() => readFileSync(child.logFile, "utf8").includes(text), { what: `"${text}" in the log`, everyMs: 5 });

/** Pids that a script printed, one a line. */
const pidsIn = (file: string) => readFileSync(file, "utf8").trim().split("\n").map(Number);
const runs = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("spawn()", () => {
  test("starts a process in a session of its own, in its directory, with its environment alone", async () => {
    const child = start('env; pwd; cut -d" " -f5,6 /proc/$$/stat; echo $$', { ONLY: "this" });
    await exited(child);
    const lines = readFileSync(child.logFile, "utf8").trim().split("\n");
    expect(lines).toContain("ONLY=this");
    expect(lines.filter((line) => /^(HOME|USER|TMPDIR)=/.test(line))).toEqual([]);
    const { pid } = child.id;
    expect(lines.slice(-3)).toEqual([folder, `${pid} ${pid}`, String(pid)]);
  });

  test("appends what it says and complains to the log file, which is for this user alone", async () => {
    const child = start("echo said; echo complained >&2");
    await exited(child);
    expect(readFileSync(child.logFile, "utf8")).toBe("said\ncomplained\n");
    expect(statSync(child.logFile).mode & 0o777).toBe(0o600);
  });

  test("gives it nothing to read", async () => {
    const child = start("cat; echo end");
    await exited(child);
    expect(readFileSync(child.logFile, "utf8")).toBe("end\n");
  });

  test.each<[string, string, Exit]>([
    ["its status", "exit 3", { code: 3, signal: null }],
    ["that it went well", "exit 0", { code: 0, signal: null }],
    ["the signal that killed it", "kill -9 $$", { code: null, signal: "SIGKILL" }],
  ])("tells %s when it ends", async (_what, script, exit) => {
    expect(await exited(start(script))).toEqual(exit);
  });

  const options = { argv: ["sh"], cwd: folder, env: { PATH }, logFile: "/dev/null", onExit: () => {} };

  test.each<[string, Partial<typeof options>, string]>([
    [
      "a program that is not there",
      { argv: ["no-such-celery"] },
      `There is no program no-such-celery (PATH is ${PATH})`,
    ],
    ["a program without a PATH", { env: { PATH: "" } }, "There is no program sh (PATH is empty)"],
    ["a file that is no program", { argv: ["/etc/passwd"] }, "There is no program /etc/passwd"],
    ["a directory that is not there", { cwd: "/nowhere" }, "The working directory /nowhere is not there"],
    ["a directory that is a file", { cwd: "/etc/passwd" }, "The working directory /etc/passwd is not there"],
  ])("refuses %s in words for the user", (_what, wrong, said) => {
    const spawn = () => processes.spawn({ ...options, ...wrong });
    expect(spawn).toThrow(SpawnError);
    expect(spawn).toThrow(said);
  });

  test("starts something that outlives the one that started it", async () => {
    const source = `
      import { LinuxProcesses } from ${JSON.stringify(join(import.meta.dir, "processes.ts"))};
      const id = new LinuxProcesses().spawn({ argv: ["sleep", "60"], cwd: "/", env: ${JSON.stringify({ PATH, TEST_OF: folder })},
        logFile: "/dev/null", onExit() {} });
      console.log(JSON.stringify(id));`;
    const branch = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
    const id = JSON.parse(await branch.stdout.text()) as ProcessId;
    started.push(id);
    await branch.exited;
    expect(processes.isAlive(id)).toBe(true);
    expect(processes.signal(id, "SIGKILL")).toBe(true);
    await until(() => !processes.isAlive(id), { what: "its end" });
  });
});

describe("isAlive()", () => {
  test("is so until the process has ended", async () => {
    const child = start("sleep 60");
    expect(processes.isAlive(child.id)).toBe(true);
    processes.signal(child.id, "SIGTERM");
    await exited(child);
    expect(processes.isAlive(child.id)).toBe(false);
  });

  test("is not so of a later process with the same pid", () => {
    const { id } = start("sleep 60");
    expect(processes.isAlive({ ...id, startTicks: id.startTicks - 1 })).toBe(false);
    expect(processes.isAlive({ ...id, bootId: "another boot" })).toBe(false);
    expect(processes.isAlive(id)).toBe(true);
  });

  test("is not so of a process that ended and was not waited for", async () => {
    const parent = start("sh -c 'exit 0' & echo $!; exec sleep 60");
    await says(parent, "\n");
    const [zombie = 0] = pidsIn(parent.logFile);
    await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${zombie}/status`, "utf8")), { what: "a zombie" });
    const stat = readFileSync(`/proc/${zombie}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    expect(processes.isAlive({ ...parent.id, pid: zombie, startTicks: Number(stat[19]) })).toBe(false);
  });

  test("is so of a process whose name looks like what follows it", async () => {
    const program = join(folder, "x) Z 1 (y");
    copyFileSync("/bin/sleep", program);
    const id = processes.spawn({
      argv: [program, "60"],
      cwd: folder,
      env: { PATH, TEST_OF: folder },
      logFile: "/dev/null",
      onExit() {},
    });
    started.push(id);
    expect(readFileSync(`/proc/${id.pid}/comm`, "utf8")).toBe("x) Z 1 (y\n");
    expect(processes.isAlive(id)).toBe(true);
  });
});

/** Runs `work`, in which `processes` and `child` are known, in a process that may open no more files; gives what it printed. */
async function withoutFiles(work: string): Promise<string> {
  const source = `
    import { closeSync, openSync } from "node:fs";
    import { LinuxProcesses, NoRoomError } from ${JSON.stringify(join(import.meta.dir, "processes.ts"))};
    const processes = new LinuxProcesses();
    const options = { argv: ["sleep", "60"], cwd: "/", env: ${JSON.stringify({ PATH })}, logFile: "/dev/null", onExit() {} };
    const child = processes.spawn(options);
    processes.isAlive(child);
    const open = [];
    try { for (;;) open.push(openSync("/dev/null", "r")); } catch {}
    try { ${work} } finally { for (const fd of open) closeSync(fd); processes.signal(child, "SIGKILL"); }`;
  const run = Bun.spawn(["prlimit", "--nofile=60:60", process.execPath, "-e", source], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, complaint] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return said + complaint;
}

describe("where no more files may be open", () => {
  test("a process that runs is not taken for dead, nor one that ended for alive", async () => {
    const work = `
      console.log(processes.isAlive(child), processes.isAlive({ ...child, startTicks: 1 }), processes.isAlive(child));`;
    expect(await withoutFiles(work)).toBe("true false true\n");
  });

  test("a session is killed all the same", async () => {
    expect(await withoutFiles("console.log(processes.killSession(child));")).toBe("1\n");
  });

  test("nothing is started, which is said to be for want of room", async () => {
    const work = `try { processes.spawn(options) } catch (error) { console.log(error instanceof NoRoomError, error.message) }`;
    expect(await withoutFiles(work)).toMatch(/^true Cannot write the log of the worker: EMFILE/);
  });
});

describe("signal()", () => {
  test("reaches that process alone, not what it started", async () => {
    const child = start("sleep 60 & echo $!; trap 'exit 5' TERM; echo ready; wait");
    await says(child, "ready");
    const [sleeper = 0] = pidsIn(child.logFile);
    expect(processes.signal(child.id, "SIGTERM")).toBe(true);
    expect(await exited(child)).toEqual({ code: 5, signal: null });
    expect(runs(sleeper)).toBe(true);
  });

  test("is not sent to a later process with the same pid", () => {
    const { id } = start("sleep 60");
    expect(processes.signal({ ...id, startTicks: id.startTicks + 1 }, "SIGKILL")).toBe(false);
    expect(runs(id.pid)).toBe(true);
  });

  test("says so where the process is gone", async () => {
    const child = start("exit 0");
    await exited(child);
    expect(processes.signal(child.id, "SIGTERM")).toBe(false);
  });
});

describe("killSession()", () => {
  test("kills all that runs in the session, also after its leader has ended, and counts it", async () => {
    const child = start("sleep 60 & echo $!; env -i sleep 60 & echo $!; exit 0");
    await exited(child);
    const pids = pidsIn(child.logFile);
    expect(pids.map(runs)).toEqual([true, true]);
    expect(processes.killSession(child.id)).toBe(2);
    await until(() => !pids.some(runs), { what: "their end" });
    expect(processes.killSession(child.id)).toBe(0);
  });

  test("spares another session, and one whose leader is another process: the pid may be used again", async () => {
    const [one, other] = [start("sleep 60 & echo $!; wait"), start("sleep 60 & echo $!; wait")];
    await says(one, "\n");
    const [sleeper = 0] = pidsIn(one.logFile);
    expect(processes.killSession({ ...one.id, startTicks: one.id.startTicks - 1 })).toBe(0);
    expect(processes.killSession({ ...one.id, bootId: "another boot" })).toBe(0);
    expect([one.id.pid, sleeper, other.id.pid].map(runs)).toEqual([true, true, true]);
    expect(processes.killSession(one.id)).toBe(2);
    await until(() => !runs(one.id.pid) && !runs(sleeper), { what: "their end" });
    expect(runs(other.id.pid)).toBe(true);
  });
});

describe("leadersWith()", () => {
  test("finds leaders of sessions by a variable in their environment, with their words", async () => {
    const one = start("sleep 60; exit", { TEST_LEADER: "one" });
    const two = start("sleep 60; exit", { TEST_LEADER: "two=2" });
    start("sleep 60; exit");
    // A child shows its words and environment only a moment after it was started.
    await until(() => processes.leadersWith("TEST_LEADER").size === 2, { what: "both to show their environment" });
    const found = processes.leadersWith("TEST_LEADER");
    expect([...found.keys()].toSorted()).toEqual(["one", "two=2"]);
    expect(found.get("one")).toMatchObject({ ...one.id });
    expect(found.get("two=2")).toMatchObject({ ...two.id });
    expect(found.get("one")?.argv.slice(0, 3)).toEqual(["sh", "-c", "sleep 60; exit"]);
  });

  test("forgets those that have ended", async () => {
    const child = start("exit 0", { TEST_ENDED: "yes" });
    await exited(child);
    expect(processes.leadersWith("TEST_ENDED").size).toBe(0);
  });
});

describe("vitals()", () => {
  const python = (script: string) => start(`exec python3 -c 'import select, time; ${script}'`);
  const waiting = async (child: { id: ProcessId }, is: (seen: Vitals) => boolean, what: string) => {
    const look = () => {
      const seen = processes.vitals(child.id);
      return seen && is(seen) ? seen : undefined;
    };
    return until(look, { what });
  };

  test("tells one that waits for files from one that waits otherwise, and counts its event loops", async () => {
    const polls = python("select.epoll().poll()");
    const naps = python("loops = select.epoll(), select.epoll(); time.sleep(1000)");
    const inPoll = await waiting(polls, ({ waitsIn }) => /ep_poll|epoll_wait/.test(waitsIn ?? ""), "it to poll");
    expect(inPoll).toMatchObject({ isAsleep: true, isStopped: false, pollers: 1 });
    const napping = await waiting(naps, ({ waitsIn }) => /sleep/.test(waitsIn ?? ""), "it to nap");
    expect(napping).toMatchObject({ isAsleep: true, pollers: 2 });
  });

  test("tells the time that it worked", async () => {
    const child = start("while :; do :; done");
    const works = await waiting(child, ({ cpuMs }) => cpuMs >= 100, "a tenth of a second of work");
    expect(works).toMatchObject({ isStopped: false, pollers: 0 });
  });

  test("tells that it is stopped, until it is continued", async () => {
    const child = start("sleep 1000");
    processes.signal(child.id, "SIGSTOP");
    await waiting(child, ({ isStopped }) => isStopped, "it to be stopped");
    processes.signal(child.id, "SIGCONT");
    await waiting(child, ({ isStopped }) => !isStopped, "it to go on");
  });

  test("knows nothing of a process that ended, nor of another with its pid", async () => {
    const child = start("exit 0");
    expect(processes.vitals({ ...child.id, startTicks: child.id.startTicks + 1 })).toBeUndefined();
    await exited(child);
    await until(() => processes.vitals(child.id) === undefined, { what: "it to be gone" });
    expect(processes.vitals({ ...child.id, bootId: "another" })).toBeUndefined();
  });
});
