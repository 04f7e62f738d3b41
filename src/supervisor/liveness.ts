import type { BrokerConnection } from "../celery/brokers.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { ProcessId, Processes } from "../kit/processes.ts";
import type { WorkerRow } from "../store/workers.ts";
import type { NotConsuming } from "./consuming.ts";
import { excuseOf, type SilentWorker, type VitalsLook } from "./doubt.ts";
import type { Silence, UnansweredWorker } from "./hearing.ts";
import { askWorkers } from "./observe.ts";
import type { Parts } from "./parts.ts";
import { hasSurplus, type ConsumeAgain, type CorrectingAction, type Reply, type SeenWorker } from "./plan.ts";
import { Stopping } from "./stopping.ts";
import { Stretch } from "./stretch.ts";

const ANSWER_MS = 1500;
/** A worker that is starting drops what is sent to it, so it is asked again soon. */
const FIRST_ANSWER_MS = 400;

/** What the worker with this process answered in a round; where it was silent, what that says. */
export interface RoundReply {
  readonly pid: number | null;
  readonly startTicks: number | null;
  readonly reply: Reply | null;
  readonly silence: Silence | null;
}

/** Whether one worker answers, and how long it has not. */
export class Liveness {
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #saysItIsEnding: () => boolean;
  readonly #stopping: Stopping;
  readonly #empty: Stretch;
  readonly #surplus: Stretch;
  /** What the last round heard, used once. */
  #roundReply: RoundReply | undefined;
  #lastHeardMs = 0;
  /** The process whose silence is summed. */
  #silentPid: number | null = null;
  #silentMs = 0;
  #unansweredPings = 0;
  #silence: Silence | null = null;
  #vitals: VitalsLook | undefined;
  #notConsuming: NotConsuming | null = null;

  /** `saysItIsEnding`: whether the worker's log says so. */
  constructor(
    { clock, processes, settings }: Pick<Parts, "clock" | "processes" | "settings">,
    saysItIsEnding: () => boolean,
  ) {
    this.#clock = clock;
    this.#processes = processes;
    this.#saysItIsEnding = saysItIsEnding;
    this.#stopping = new Stopping(clock);
    this.#empty = new Stretch(clock, settings.intervalMs);
    this.#surplus = new Stretch(clock, settings.intervalMs);
  }

  /** A new worker was started: nothing is known of it. */
  reset(): void {
    this.#roundReply = undefined;
    this.#lastHeardMs = 0;
    this.#empty.reset();
    this.#surplus.reset();
    this.#notConsuming = null;
    this.#endSilence();
  }

  /** What a round over all workers heard of this one. Spares the next look its own question. */
  roundHeard(heard: RoundReply): void {
    this.#roundReply = heard;
    if (heard.silence) this.#noteSilence(heard.pid, heard.silence);
  }

  /** Any sign of life in answer to remote control, late ones too. */
  heard(): void {
    this.#lastHeardMs = this.#clock.now();
    this.#endSilence();
  }

  /** To be asked in each round that the worker left unanswered: what its process says to that. */
  lookAtProcess(id: ProcessId | undefined, worker: SilentWorker): Pick<UnansweredWorker, "excuse" | "isStopped"> {
    const vitals = id && this.#processes.vitals(id);
    if (!vitals) return { excuse: "its process has ended", isStopped: false };
    const now = { atMs: this.#clock.now(), vitals };
    const excuse = excuseOf(worker, this.#vitals, now);
    this.#vitals = now;
    return { excuse, isStopped: vitals.isStopped };
  }

  /** That it consumes less than it says: for the next look. */
  foundNotConsuming(found: NotConsuming): void {
    this.#notConsuming = found;
  }

  /** Something is set right now: whether that helped shows after a while, so it is not done at once again. */
  isCorrected(action: CorrectingAction | ConsumeAgain): void {
    if (action.do === "consume again") this.#notConsuming = null;
    if (action.do === "scale") this.#surplus.reset();
  }

  /** Asks the worker, where that makes sense, and says what is known of it. Rejects with what is no outage. */
  async look(row: WorkerRow, connection: BrokerConnection, isAsked: boolean): Promise<SeenWorker> {
    const reply = isAsked ? await this.#ask(connection, row) : null;
    const { state } = connection.link;
    // An outage gives the worker all its time again: it may need it to find the broker.
    if (state.is !== "up") this.#endSilence();
    return {
      restartSeq: row.restartSeq,
      termSentAtMs: row.termSentAtMs,
      stoppingMs: this.#stopping.note(row),
      hasAnswered: row.answeredAtMs !== null || reply !== null,
      reply,
      isHeard: state.is === "up" && this.#lastHeardMs >= state.sinceMs,
      silentMs: this.#silentMs,
      unansweredPings: this.#unansweredPings,
      silence: this.#silence,
      isEnding: this.#silence !== null && this.#saysItIsEnding(),
      process: this.#vitals?.vitals ?? null,
      emptyMs: reply ? this.#empty.note(reply.queues.length === 0) : 0,
      notConsuming: this.#notConsuming,
      surplusMs: reply ? this.#surplus.note(hasSurplus(reply)) : 0,
    };
  }

  async #ask(connection: BrokerConnection, row: WorkerRow): Promise<Reply | null> {
    const heard = this.#roundReply;
    this.#roundReply = undefined;
    if (connection.link.state.is !== "up" || row.node === null) return null;
    // An answer that the worker before this one gave says nothing of this one.
    const isOfThisWorker = heard?.pid === row.pid && heard?.startTicks === row.startTicks;
    const reply = isOfThisWorker ? heard.reply : await askOne(connection, row.node, row.answeredAtMs === null);
    if (reply) this.heard();
    return reply;
  }

  #noteSilence(pid: number | null, silence: Silence): void {
    const isFirst = pid !== this.#silentPid;
    if (isFirst || silence.excuse !== null) {
      this.#silentMs = 0;
      this.#unansweredPings = 0;
    }
    this.#silentPid = pid;
    this.#silence = silence;
    if (silence.excuse !== null || silence.addedMs === undefined) return;
    this.#unansweredPings++;
    // The time before it was there is not its silence.
    if (!isFirst || this.#lastHeardMs > 0) this.#silentMs += silence.addedMs;
  }

  #endSilence(): void {
    this.#silentPid = null;
    this.#silentMs = 0;
    this.#unansweredPings = 0;
    this.#silence = null;
    this.#vitals = undefined;
  }
}

/** null for silence, and where the broker did not take the question: only rounds say what silence means. */
async function askOne({ control }: BrokerConnection, node: string, isStarting: boolean): Promise<Reply | null> {
  try {
    const replies = await askWorkers(control, [node], isStarting ? FIRST_ANSWER_MS : ANSWER_MS);
    return replies.get(node) ?? null;
  } catch (error) {
    if (error instanceof AmqpAway) return null;
    throw error;
  }
}
