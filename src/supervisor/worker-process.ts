import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { workerCommandLine } from "../celery/command-line.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { ResolvedLaunch } from "../domain/launch.ts";
import { nodeName } from "../domain/names.ts";
import type { Clock } from "../kit/clock.ts";
import { SpawnError, type Exit, type ProcessId, type Processes } from "../kit/processes.ts";
import type { Store } from "../store/store.ts";
import type { StartedFor, WorkerRow } from "../store/workers.ts";
import type { TermReason } from "./plan.ts";
import type { SupervisorSettings } from "./settings.ts";
import { logSize, logTail } from "./worker-log.ts";

const NO_PROCESS = { pid: null, startTicks: null, bootId: null } as const;
const EXIT_TOLD_MS = 1000;
/** How long killed processes get to end, and how often they are looked at. */
const SWEEP_MS = 2000;
const SWEEP_LOOK_MS = 10;

/** The process of one instance: its row, its folder and its signals. Decides nothing. */
export class WorkerProcess {
  readonly name: string;
  readonly folder: string;
  readonly #store: Store;
  readonly #processes: Processes;
  readonly #clock: Clock;
  readonly #settings: SupervisorSettings;
  /** Where the log lines of this worker begin, as far as this branch saw it start. */
  #logFrom = 0;
  #exit: Exit | undefined;
  /** Aborted when the end of the last child was told, and where there was none. */
  #exitTold = AbortSignal.abort();

  constructor(name: string, parts: { store: Store; processes: Processes; clock: Clock; settings: SupervisorSettings }) {
    this.name = name;
    this.folder = join(parts.settings.instanceDir, name);
    this.#store = parts.store;
    this.#processes = parts.processes;
    this.#clock = parts.clock;
    this.#settings = parts.settings;
  }

  /** What is stored of it, and whether it lives. */
  look(): { row: WorkerRow; id: ProcessId | undefined; isAlive: boolean } {
    const row = this.#store.workers.get(this.name);
    const id = processId(row);
    return { row, id, isAlive: id !== undefined && this.#processes.isAlive(id) };
  }

  /**
   * How the dead child ended; undefined where it was not a child of this branch. That it is dead may be seen a moment before
   * its exit is told.
   */
  async exit(): Promise<Exit | undefined> {
    await this.#clock.sleep(EXIT_TOLD_MS, this.#exitTold);
    return this.#exit;
  }

  /** Starts a worker and writes down which; throws SpawnError. Nothing of the one before is left running. */
  start(instance: Instance, launch: ResolvedLaunch, startedFor: StartedFor, onExit: () => void): ProcessId {
    const node = nodeName(instance.name, this.#settings.branchId);
    const { folder } = this;
    const { env: inherited, webhookDir } = this.#settings;
    const isRevival = startedFor === "death";
    const command = workerCommandLine({ instance, launch, node, folder, webhookDir, inherited, isRevival });
    const logFile = join(folder, "worker.log");
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new SpawnError(`Cannot make the folder ${folder}: ${(error as Error).message}`);
    }
    this.#logFrom = logSize(logFile);
    this.#exit = undefined;
    const told = new AbortController();
    const fields = { node, broker: launch.broker, restartSeq: instance.restartSeq, startedFor };
    // Tried first: a worker whose start cannot be written down (disk full) would be started again and again.
    this.#writeDown(NO_PROCESS, fields);
    const id = this.#processes.spawn({
      ...command,
      logFile,
      onExit: (exit) => {
        this.#exit = exit;
        told.abort();
        onExit();
      },
    });
    this.#exitTold = told.signal;
    try {
      this.#writeDown(id, fields);
      this.#writePid(id.pid);
    } catch (error) {
      this.kill(id);
      throw error;
    }
    return id;
  }

  /** Believes that a process which was found is the worker: one whose start was not written down before a crash. */
  adopt(id: ProcessId, fields: { node: string; broker: Broker; restartSeq: number }): void {
    this.#writeDown(id, { ...fields, startedFor: "branch" });
    this.#writePid(id.pid);
  }

  /** Asks the worker to finish its tasks and end. Written down first: a second TERM would kill its tasks (Celery 5.2). */
  terminate(id: ProcessId, reason: TermReason): void {
    const termSentAtMs = this.#clock.now();
    this.#store.write(() => this.#store.workers.set(this.name, { termSentAtMs, termReason: reason }));
    this.#processes.signal(id, "SIGTERM");
  }

  /** Ends the worker and all that it started in its session. */
  kill(id: ProcessId): void {
    this.#processes.killSession(id);
  }

  /** Ends what a dead worker left running in its session, and waits until it has ended; how many there were. */
  async sweep(id: ProcessId): Promise<number> {
    const swept = this.#processes.killSession(id);
    // What the kernel holds in spite of SIGKILL (a dead disk) is not waited for any longer.
    const untilMs = this.#clock.now() + SWEEP_MS;
    for (let left = swept; left > 0 && this.#clock.now() < untilMs; left = this.#processes.killSession(id)) {
      await this.#clock.sleep(SWEEP_LOOK_MS);
    }
    return swept;
  }

  /** The last lines of what the last worker wrote. */
  tail(broker: Broker): string[] {
    return logTail(join(this.folder, "worker.log"), this.#logFrom, broker);
  }

  /** Makes the files that Celery made the user's alone, as ours are; an umask would reach the files of tasks too. */
  closeFiles(): void {
    for (const name of readdirSync(this.folder)) {
      if (name.startsWith("worker.")) chmodSync(join(this.folder, name), 0o600);
    }
  }

  removePid(): void {
    rmSync(join(this.folder, "worker.pid"), { force: true });
  }

  removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #writeDown(
    { pid, startTicks, bootId }: ProcessId | typeof NO_PROCESS,
    { broker, ...fields }: { node: string; broker: Broker; restartSeq: number; startedFor: StartedFor },
  ): void {
    const running = { startedAtMs: this.#clock.now(), answeredAtMs: null, termSentAtMs: null, termReason: null };
    this.#store.write(() => {
      const brokerId = this.#store.brokers.idOf(broker);
      this.#store.workers.set(this.name, { pid, startTicks, bootId, brokerId, ...fields, ...running });
    });
  }

  /** By rename, so that a reader never sees half a number. */
  #writePid(pid: number): void {
    // Somebody may have removed the folder under a worker that is found again.
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, "worker.pid");
    writeFileSync(`${file}.new`, `${pid}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

function processId({ pid, startTicks, bootId }: WorkerRow): ProcessId | undefined {
  return pid === null || startTicks === null || bootId === null ? undefined : { pid, startTicks, bootId };
}
