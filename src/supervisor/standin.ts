import type { BrokerConnection } from "../celery/brokers.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { ResolvedLaunch } from "../domain/launch.ts";
import { AmqpAway } from "../kit/amqp.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { ProcessId } from "../kit/processes.ts";
import type { ProcessRow } from "../store/workers.ts";
import { isEnding } from "./ending.ts";
import type { FoundWorker } from "./found-workers.ts";
import { askWorkers } from "./observe.ts";
import type { Parts } from "./parts.ts";
import type { Reply } from "./plan.ts";
import type { SeenStandin } from "./rolling.ts";
import { StandinSilence } from "./standin-silence.ts";
import type { StartLanes } from "./start-lanes.ts";
import type { Failure } from "./status.ts";
import { Stopping } from "./stopping.ts";
import { standinProcess, type WorkerProcess } from "./worker-process.ts";

export interface StandinParts extends Parts {
  readonly starts: StartLanes;
  /** Has the instance looked at again. */
  readonly wake: () => void;
  readonly record: (did: string, why: string, evidence: Record<string, unknown>) => void;
}

/** What came of a stand-in that died: it had been told to, another one may be tried, or there is no use in that. */
export type StandinEnd =
  { readonly is: "over" } | { readonly is: "tried again" } | { readonly is: "failed"; readonly failure: Failure };

const ANSWER_MS = 1500;
/** One that is starting drops what is sent to it, so it is asked again soon. */
const FIRST_ANSWER_MS = 400;
const START_SLOT_MS = 5000;
const AGAIN_FIRST_MS = 1000;
const AGAIN_LAST_MS = 60_000;
/** So many may die within one restart after they had answered; then the restart is given up. */
const MAX_DEATHS = 3;

/** The worker that stands in for an instance's own one: its process, and what it answers. What it is for is said in rolling.ts. */
export class Standin {
  readonly #parts: StandinParts;
  readonly #process: WorkerProcess;
  readonly #stopping: Stopping;
  readonly #silence: StandinSilence;
  #notBeforeMs = 0;
  #deaths = 0;
  /** The restart that the deaths are of. */
  #restartSeq = 0;
  #leaveStarts = () => {};

  constructor(name: string, parts: StandinParts) {
    this.#parts = parts;
    this.#process = standinProcess(name, parts);
    this.#stopping = new Stopping(parts.clock);
    this.#silence = new StandinSilence(parts);
  }

  get notBeforeMs(): number {
    // No start is put off for so long: the clock was set back meanwhile.
    if (this.#notBeforeMs - this.#parts.clock.now() > AGAIN_LAST_MS) this.#notBeforeMs = 0;
    return this.#notBeforeMs;
  }

  look(): { row: ProcessRow; id: ProcessId | undefined; isAlive: boolean } {
    return this.#process.look();
  }

  keepPidFile(id: ProcessId): void {
    this.#process.keepPidFile(id);
  }

  /** Called once, before the first look of a branch that starts. */
  takeOver(found: FoundWorker | undefined, broker: Broker): void {
    const { id, isAlive } = this.#process.look();
    if (isAlive) return;
    if (id) {
      this.#process.kill(id);
      this.#process.clear();
    }
    if (!found) return;
    this.#process.adopt(found, { node: found.node, broker, restartSeq: 0 });
    this.#parts.record("stand-in", "it was found running", { pid: found.pid });
  }

  /** Asks the living stand-in. Rejects with what is no outage. */
  async see(row: ProcessRow, connection: BrokerConnection): Promise<SeenStandin> {
    const reply = row.termSentAtMs === null ? await this.#ask(row, connection) : null;
    if (reply && row.answeredAtMs === null) {
      this.#process.noteFirstAnswer();
      this.#leaveStarts();
    }
    return {
      hasAnswered: row.answeredAtMs !== null || reply !== null,
      termSentAtMs: row.termSentAtMs,
      stoppingMs: this.#stopping.note(row),
      reply,
      silentMs: this.#silence.ms,
    };
  }

  /** Rejects with SpawnError. */
  async start(instance: Instance, launch: ResolvedLaunch): Promise<void> {
    const { starts, clock, wake, record } = this.#parts;
    const leave = starts.tryEnter("asked", this.#process.node, wake);
    if (!leave) return;
    const cancelTimer = clock.after(START_SLOT_MS, leave);
    this.#leaveStarts = () => {
      cancelTimer();
      leave();
    };
    this.#silence.end();
    try {
      const { pid } = await this.#process.start(instance, launch, "people", wake);
      record("stand-in", "it is to consume while the worker is restarted", { pid, node: this.#process.node });
    } catch (error) {
      this.#leaveStarts();
      throw error;
    }
  }

  /** Rejects with what is no outage. */
  async stop(id: ProcessId, why: string, row: ProcessRow, connection: BrokerConnection): Promise<void> {
    const isTold = await isEnding(this.#process, row, connection, this.#parts.clock);
    this.#parts.record("stand-in", `it is stopped: ${why}`, { pid: id.pid });
    this.#process.terminate(id, "wish", isTold);
  }

  kill(id: ProcessId): void {
    this.#process.kill(id);
  }

  /** What is to be done about one that has died. `isNeeded`: the worker is still to be restarted. */
  async bury(id: ProcessId, row: ProcessRow, connection: BrokerConnection, isNeeded: boolean): Promise<StandinEnd> {
    this.#leaveStarts();
    const swept = await this.#process.sweep(id);
    const exit = await this.#process.exit();
    const log = this.#process.tail(connection.broker);
    const isStopped = row.termReason === "wish";
    const evidence = { pid: id.pid, ...exit, answered: row.answeredAtMs !== null, swept };
    this.#parts.store.write(() => {
      this.#process.clear();
      if (isStopped) this.#parts.record("stand-in", "it has stopped", evidence);
      else this.#parts.record("stand-in", "it died", { ...evidence, log: log.slice(-5) });
    });
    if (isStopped || !isNeeded) return { is: "over" };
    const isBrokerUp = connection.link.state.is === "up";
    const isHopeless = isBrokerUp && (row.answeredAtMs === null || this.#deaths >= MAX_DEATHS);
    if (isHopeless)
      return { is: "failed", failure: { why: "the stand-in ended before the worker could be stopped", log } };
    this.#notBeforeMs = this.#parts.clock.now() + backoffMs(this.#deaths++, AGAIN_FIRST_MS, AGAIN_LAST_MS);
    return { is: "tried again" };
  }

  removeFolder(): void {
    this.#process.removeFolder();
  }

  /** Another restart than before is wanted: what was counted for that one counts no more. */
  newRestart(restartSeq: number): void {
    if (this.#restartSeq === restartSeq) return;
    this.#restartSeq = restartSeq;
    this.#deaths = 0;
    this.#notBeforeMs = 0;
  }

  /** No start is wanted. */
  forgoStart(): void {
    this.#parts.starts.forgo(this.#process.node);
  }

  /** The branch ends; the process stays. */
  leave(): void {
    this.#leaveStarts();
  }

  async #ask({ node, answeredAtMs }: ProcessRow, { link, control }: BrokerConnection): Promise<Reply | null> {
    if (link.state.is !== "up" || node === null) {
      this.#silence.end();
      return null;
    }
    try {
      const replies = await askWorkers(control, [node], answeredAtMs === null ? FIRST_ANSWER_MS : ANSWER_MS);
      const reply = replies.get(node) ?? null;
      if (reply) this.#silence.end();
      else this.#noteSilence(answeredAtMs !== null);
      return reply;
    } catch (error) {
      if (error instanceof AmqpAway) return null;
      throw error;
    }
  }

  #noteSilence(hasAnswered: boolean): void {
    const pool = this.#parts.store.instances.get(this.#process.name)?.pool ?? "prefork";
    this.#silence.note({ pool, hasAnswered }, this.#process.look().id);
  }
}
