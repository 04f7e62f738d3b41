import { describe, expect, test } from "bun:test";
import { LinuxProcesses, type Exit, type Processes, type ProcessId } from "../../src/kit/processes.ts";
import { FakeProcesses } from "../../src/supervisor/test-support.ts";
import { until } from "../harness/wait.ts";

const MARK = "CYME_CONTRACT";

/** What both take for a long-running program; the fake reads its options, the shell ignores them. */
const ARGV = ["sh", "-c", "while :; do sleep 60; done", "worker", "--hostname=web@b1", "--queues=dq.web"];

const KINDS: readonly [string, () => Processes][] = [
  ["fake", () => new FakeProcesses()],
  ["Linux", () => new LinuxProcesses()],
];

describe.each(KINDS)("%s processes", (_, open) => {
  /** Runs `work` with a process of a mark of its own, and ends it. */
  async function withProcess(
    work: (processes: Processes, id: ProcessId, mark: string, exits: Exit[]) => Promise<void>,
  ): Promise<void> {
    const processes = open();
    const mark = crypto.randomUUID();
    const exits: Exit[] = [];
    const env = { PATH: process.env["PATH"] ?? "", [MARK]: mark };
    const onExit = (exit: Exit) => void exits.push(exit);
    const id = processes.spawn({ argv: ARGV, cwd: "/", env, logFile: "/dev/null", onExit });
    try {
      await work(processes, id, mark, exits);
    } finally {
      processes.killSession(id);
    }
  }

  test("a process lives from its start to its end, which is told once", () =>
    withProcess(async (processes, id, _mark, exits) => {
      expect(processes.isAlive(id)).toBe(true);
      expect(processes.signal(id, "SIGTERM")).toBe(true);
      await until(() => exits.length > 0, { what: "its end to be told" });
      expect(processes.isAlive(id)).toBe(false);
      expect(processes.signal(id, "SIGTERM")).toBe(false);
      // What it left running in its session is ended, and then there is nothing more.
      await until(() => processes.killSession(id) === 0, { what: "its session to be empty" });
      expect(exits).toHaveLength(1);
    }));

  test("killSession() ends it, as killed", () =>
    withProcess(async (processes, id, _mark, exits) => {
      expect(processes.killSession(id)).toBeGreaterThan(0);
      await until(() => exits.length > 0, { what: "its end to be told" });
      expect(exits).toEqual([{ code: null, signal: "SIGKILL" }]);
    }));

  test("another process with the same pid is none of it", () =>
    withProcess(async (processes, id) => {
      for (const other of [
        { ...id, startTicks: id.startTicks + 1 },
        { ...id, bootId: "another boot" },
      ]) {
        expect(processes.isAlive(other)).toBe(false);
        expect(processes.signal(other, "SIGKILL")).toBe(false);
        expect(processes.killSession(other)).toBe(0);
      }
      expect(processes.isAlive(id)).toBe(true);
    }));

  test("leadersWith() finds it by its environment, with its words", () =>
    withProcess(async (processes, id, mark) => {
      await until(() => processes.leadersWith(MARK).has(mark), { what: "it to be found" });
      const found = processes.leadersWith(MARK).get(mark);
      expect(found).toMatchObject({ ...id });
      expect(found?.argv.filter((word) => word !== "")).toEqual(ARGV);
    }));
});
