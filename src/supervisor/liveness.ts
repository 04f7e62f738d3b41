import type { BrokerConnection } from "../celery/brokers.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { WorkerRow } from "../store/workers.ts";
import { askWorkers } from "./observe.ts";
import type { Reply, SeenWorker } from "./plan.ts";

const ANSWER_MS = 1500;
/** A worker that is starting drops what is sent to it, so it is asked again soon. */
const FIRST_ANSWER_MS = 400;

/** Whether one worker answers, and since when it does not. */
export class Liveness {
  readonly #clock: Clock;
  readonly #waitAfterBrokerRevivedMs: number;
  /** What the last round heard, used once. */
  #roundReply: RoundReply | undefined;
  #lastHeardMs = 0;
  /** When the broker last did not take a question, though the link was up: until then silence says nothing. */
  #inVainMs = 0;
  #unansweredPings = 0;

  constructor(clock: Clock, waitAfterBrokerRevivedMs: number) {
    this.#clock = clock;
    this.#waitAfterBrokerRevivedMs = waitAfterBrokerRevivedMs;
  }

  /** A new worker was started: nothing is known of it. */
  reset(): void {
    this.#roundReply = undefined;
    this.#lastHeardMs = 0;
    this.#unansweredPings = 0;
  }

  /** What a round over all workers heard of this one. Spares the next look its own question. */
  roundHeard(heard: RoundReply): void {
    this.#roundReply = heard;
  }

  /** Any sign of life in answer to remote control, late ones too. */
  heard(): void {
    this.#lastHeardMs = this.#clock.now();
    this.#unansweredPings = 0;
  }

  /** Asks the worker, where that makes sense, and says what is known of it. Rejects with what is no outage. */
  async look(row: WorkerRow, connection: BrokerConnection, isAsked: boolean): Promise<SeenWorker> {
    const reply = isAsked ? await this.#ask(connection, row) : null;
    const { state } = connection.link;
    return {
      restartSeq: row.restartSeq,
      termSentAtMs: row.termSentAtMs,
      hasAnswered: row.answeredAtMs !== null || reply !== null,
      reply,
      isHeard: state.is === "up" && this.#lastHeardMs >= state.sinceMs,
      silentMs: Math.max(0, this.#clock.now() - this.#couldAnswerSince(connection, row)),
      unansweredPings: this.#unansweredPings,
    };
  }

  async #ask(connection: BrokerConnection, row: WorkerRow): Promise<Reply | null> {
    const heard = this.#roundReply;
    this.#roundReply = undefined;
    if (connection.link.state.is !== "up" || row.node === null) {
      this.#unansweredPings = 0;
      return null;
    }
    // An answer that the worker before this one gave says nothing of this one.
    const isOfThisWorker = heard?.pid === row.pid && heard?.startTicks === row.startTicks;
    const reply = isOfThisWorker ? heard.reply : await askOne(connection, row.node, row.answeredAtMs === null);
    if (reply === "in vain") {
      this.#inVainMs = this.#clock.now();
      this.#unansweredPings = 0;
      return null;
    }
    if (reply) this.heard();
    else if (this.#couldAnswerSince(connection, row) < this.#clock.now()) this.#unansweredPings++;
    return reply;
  }

  /**
   * The moment from which silence counts. A worker finds its broker again only after its own back-off of up to 32 s, so
   * the time since the broker came back does not count before `wait_after_broker_revived` is over.
   */
  #couldAnswerSince({ link }: BrokerConnection, row: WorkerRow): number {
    if (link.state.is !== "up") return this.#clock.now();
    const revivedMs = link.state.sinceMs + this.#waitAfterBrokerRevivedMs;
    return Math.max(this.#lastHeardMs, this.#inVainMs, row.startedAtMs ?? 0, revivedMs);
  }
}

/** What the worker with this process answered in a round; null is silence. */
export interface RoundReply {
  readonly pid: number | null;
  readonly startTicks: number | null;
  readonly reply: Reply | null;
}

/** null is silence; "in vain" where the broker did not take the question. */
async function askOne(
  { control }: BrokerConnection,
  node: string,
  isStarting: boolean,
): Promise<Reply | null | "in vain"> {
  try {
    const replies = await askWorkers(control, [node], isStarting ? FIRST_ANSWER_MS : ANSWER_MS);
    return replies.get(node) ?? null;
  } catch (error) {
    if (error instanceof AmqpAway) return "in vain";
    throw error;
  }
}
