import {
  closeSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { openWebhook, WEBHOOK_MODULE } from "../celery/webhook/install.ts";
import { workerCommandLine } from "../celery/command-line.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { ResolvedLaunch } from "../domain/launch.ts";
import { nodeName, standinName } from "../domain/names.ts";
import type { Clock } from "../kit/clock.ts";
import { closeToOthers } from "../kit/foreign-files.ts";
import type { Log } from "../kit/log.ts";
import { spawnError, type Exit, type ProcessId, type Processes } from "../kit/processes.ts";
import { isRoot, type User } from "../kit/users.ts";
import type { Store } from "../store/store.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { ProcessRow, StartedFor, WorkerRow } from "../store/workers.ts";
import type { TermReason } from "./plan.ts";
import type { SupervisorSettings } from "./settings.ts";
import { logSize, logTail, saysItIsEnding } from "./worker-log.ts";
import { ownerOf, provideFolder, removeFolders } from "./worker-folder.ts";
import { asUser, giveLog, passThrough, refuseClosed, workerUser } from "./worker-user.ts";

const NO_PROCESS = { pid: null, startTicks: null, bootId: null } as const;
const EXIT_TOLD_MS = 1000;
/** How long killed processes get to end, and how often they are looked at: soon, and then less and less often. */
const SWEEP_MS = 2000;
const SWEEP_FIRST_LOOK_MS = 2;
const SWEEP_LAST_LOOK_MS = 100;

/** Where is written down what is known of a process. */
interface Rows<Row extends ProcessRow> {
  get(instance: string): Row;
  set(instance: string, fields: Partial<ProcessRow>): void;
  clear(instance: string): void;
}

interface Files<Row extends ProcessRow> {
  readonly rows: Rows<Row>;
  /** Of the files of this process, absolute. */
  readonly folder: string;
  readonly node: string;
}

interface ProcessParts {
  readonly store: Store;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: SupervisorSettings;
}

/** An instance's own worker. */
export function ownProcess(name: string, parts: ProcessParts): WorkerProcess<WorkerRow> {
  const { instanceDir, branchId } = parts.settings;
  const files = { rows: parts.store.workers, folder: join(instanceDir, name), node: nodeName(name, branchId) };
  return new WorkerProcess(name, files, parts);
}

/** The worker that stands in for it. */
export function standinProcess(name: string, parts: ProcessParts): WorkerProcess<ProcessRow> {
  const { instanceDir, branchId } = parts.settings;
  const worker = standinName(name);
  // Beside the instance's folder, which may be another user's.
  const files = { rows: parts.store.standins, folder: join(instanceDir, worker), node: nodeName(worker, branchId) };
  return new WorkerProcess(name, files, parts);
}

/** One process of an instance: its row, its folder and its signals. Decides nothing. */
export class WorkerProcess<Row extends ProcessRow = ProcessRow> {
  readonly name: string;
  readonly node: string;
  readonly folder: string;
  readonly #rows: Rows<Row>;
  readonly #store: Store;
  readonly #processes: Processes;
  readonly #clock: Clock;
  readonly #settings: SupervisorSettings;
  readonly #log: Log;
  /** Where the log lines of this worker begin, as far as this branch saw it start. */
  #logFrom = 0;
  /** What worker.pid is known to hold. */
  #pidInFile: number | undefined;
  #isPidFileTold = false;
  #exit: Exit | undefined;
  /** Aborted when the end of the last child was told, and where there was none. */
  #exitTold = AbortSignal.abort();

  constructor(name: string, { rows, folder, node }: Files<Row>, parts: ProcessParts) {
    this.name = name;
    this.node = node;
    this.folder = folder;
    this.#rows = rows;
    this.#store = parts.store;
    this.#processes = parts.processes;
    this.#clock = parts.clock;
    this.#settings = parts.settings;
    this.#log = parts.log.with({ worker: node });
  }

  /** What is stored of it, and whether it lives. */
  look(): { row: Row; id: ProcessId | undefined; isAlive: boolean } {
    const row = this.#rows.get(this.name);
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

  /** Starts a worker and writes down which; rejects with SpawnError. Nothing of the one before is left running. */
  async start(
    instance: Instance,
    launch: ResolvedLaunch,
    startedFor: StartedFor,
    onExit: () => void,
  ): Promise<ProcessId> {
    const { folder, node } = this;
    const { env: inherited, webhookDir } = this.#settings;
    const isRevival = startedFor === "death";
    const logFile = join(folder, "worker.log");
    const user = instance.user === null ? undefined : await workerUser(instance.user);
    makeFolder(folder, user);
    const home = homeOf(join(this.#settings.instanceDir, this.name), folder);
    const plain = workerCommandLine({ instance, launch, node, folder, home, webhookDir, inherited, isRevival });
    const command = user ? asUser(plain, user, launch.env) : plain;
    if (user) await refuseClosed([folder, join(webhookDir, `${WEBHOOK_MODULE}.py`)], user);
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

  /** Has worker.pid name the living process, where it could not be written at its start, as on a full disk. */
  keepPidFile({ pid }: ProcessId): void {
    if (this.#pidInFile !== pid) this.#writePid(pid);
  }

  /** Whether its log says that somebody has told it to end. */
  saysItIsEnding(): boolean {
    return saysItIsEnding(join(this.folder, "worker.log"), this.#logFrom);
  }

  /**
   * Asks the worker to finish its tasks and end; where somebody else has done so (`isTold`) it is only given its time. Written down first: a
   * second TERM would kill its tasks (Celery 5.2).
   */
  terminate(id: ProcessId, reason: TermReason, isTold: boolean): void {
    const termSentAtMs = this.#clock.now();
    this.#store.write(() => this.#rows.set(this.name, { termSentAtMs, termReason: reason }));
    if (!isTold) this.#processes.signal(id, "SIGTERM");
    // One that was stopped (state T) takes it when it goes on.
    if (this.#processes.vitals(id)?.isStopped) this.#processes.signal(id, "SIGCONT");
  }

  /** Writes down that it answered for the first time. */
  noteFirstAnswer(): void {
    this.#store.write(() => this.#rows.set(this.name, { answeredAtMs: this.#clock.now() }));
  }

  /** Forgets the process, which has ended. */
  clear(): void {
    this.#store.write(() => this.#rows.clear(this.name));
    this.#pidInFile = undefined;
    this.#changePidFile((file) => rmSync(file, { force: true }));
  }

  /** Ends the worker and all that it started in its session. */
  kill(id: ProcessId): void {
    this.#processes.killSession(id);
  }

  /** Ends what a dead worker left running in its session, and waits until it has ended; how many there were. */
  async sweep(id: ProcessId): Promise<number> {
    const swept = this.#processes.killSession(id);
    let left = swept;
    let waitedMs = 0;
    // What the kernel holds in spite of SIGKILL (a dead disk) is not waited for any longer.
    for (let look = 0; left > 0 && waitedMs < SWEEP_MS; look++) {
      const waitMs = backoffMs(look, SWEEP_FIRST_LOOK_MS, SWEEP_LAST_LOOK_MS, 0);
      await this.#clock.sleep(waitMs);
      waitedMs += waitMs;
      left = this.#processes.killSession(id);
    }
    return swept;
  }

  /** The last lines of what the last worker wrote. */
  tail(broker: Broker): string[] {
    return logTail(join(this.folder, "worker.log"), this.#logFrom, broker);
  }

  /** Makes the files that Celery made the user's alone, as ours are; an umask would reach the files of tasks too. */
  closeFiles(): void {
    // That of another user is closed as a whole, and its files are that user's to change.
    if (ownerOf(this.folder) !== process.geteuid?.()) return;
    for (const entry of readdirSync(this.folder, { withFileTypes: true })) {
      if (entry.isFile() && entry.name.startsWith("worker.")) closeToOthers(join(this.folder, entry.name));
    }
  }

  removeFolder(): void {
    removeFolders(this.folder);
  }

  #writeDown(
    { pid, startTicks, bootId }: ProcessId | typeof NO_PROCESS,
    { broker, ...fields }: { node: string; broker: Broker; restartSeq: number; startedFor: StartedFor },
  ): void {
    const running = { startedAtMs: this.#clock.now(), answeredAtMs: null, termSentAtMs: null, termReason: null };
    this.#store.write(() => {
      const brokerId = this.#store.brokers.idOf(broker);
      this.#rows.set(this.name, { pid, startTicks, bootId, brokerId, ...fields, ...running });
    });
  }

  /** By rename, so that a reader never sees half a number. */
  #writePid(pid: number): void {
    this.#changePidFile((file) => {
      const fresh = `${file}.new`;
      rmSync(fresh, { force: true });
      // Not through a link, which the user may have put there whose folder it is.
      const fd = openSync(fresh, "wx", 0o600);
      try {
        writeSync(fd, `${pid}\n`);
        const { uid, gid } = statSync(this.folder);
        if (isRoot()) fchownSync(fd, uid, gid);
      } finally {
        closeSync(fd);
      }
      renameSync(fresh, file);
      this.#pidInFile = pid;
    });
  }

  /** Nothing depends on that file, which is for people: whatever somebody put in its place is not in the way of the worker. */
  #changePidFile(change: (file: string) => void): void {
    const file = join(this.folder, "worker.pid");
    try {
      change(file);
      this.#isPidFileTold = false;
    } catch (error) {
      // It is tried again with each look.
      if (!this.#isPidFileTold)
        this.#log.warning("worker.pid cannot be changed: make room, or move away what is there", { file, error });
      this.#isPidFileTold = true;
    }
  }
}

/** The worker's folder, which is the user's, or without one the branch's; throws SpawnError. */
function makeFolder(folder: string, user: User | undefined): void {
  const { geteuid, getegid } = process;
  try {
    if (user) provideFolder(folder, user);
    else if (isRoot() && geteuid && getegid) provideFolder(folder, { uid: geteuid(), gid: getegid() });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!user) return;
    passThrough(dirname(folder));
    openWebhook(dirname(folder));
    giveLog(folder, user);
  } catch (error) {
    throw spawnError(`Cannot make the folder ${folder}`, error);
  }
}

/** Where a worker runs whose files are in `folder`: in the instance's folder, unless that is another user's, whose modules it would run. */
const homeOf = (home: string, folder: string) => (ownerOf(home) === ownerOf(folder) ? home : folder);

function processId({ pid, startTicks, bootId }: ProcessRow): ProcessId | undefined {
  return pid === null || startTicks === null || bootId === null ? undefined : { pid, startTicks, bootId };
}
