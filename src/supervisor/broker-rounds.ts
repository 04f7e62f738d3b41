import type { BrokerConnection } from "../celery/brokers.ts";
import { countQueues } from "../celery/queue-counts.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { WorkerRow } from "../store/workers.ts";
import { Consuming, type AnsweringWorker } from "./consuming.ts";
import { Hearing } from "./hearing.ts";
import type { Keeper } from "./keeper.ts";
import { askWorkers, idleWorkers } from "./observe.ts";
import type { Parts } from "./parts.ts";
import type { Reply } from "./plan.ts";

/** Who is asked in a round, and which process that was when the question went out. */
export interface Asked {
  readonly keeper: Keeper;
  readonly row: WorkerRow;
}

const ANSWER_MS = 2000;
/** After so many the event loop gets a turn: a worker that dies, or who asks something, is not to wait for the whole round. */
const TOLD_AT_ONCE = 10;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The rounds over all workers on one broker: two broadcasts each, what silence says, and whether what is listed is consumed. */
export class BrokerRounds {
  readonly #connection: BrokerConnection;
  readonly #hearing: Hearing;
  readonly #consuming: Consuming;

  constructor(connection: BrokerConnection, { clock, settings }: Pick<Parts, "clock" | "settings">) {
    this.#connection = connection;
    this.#hearing = new Hearing(clock, settings);
    this.#consuming = new Consuming(clock, settings.intervalMs);
  }

  /** Asks these workers, by node name, and tells each keeper what was heard. Rejects with what is no outage. */
  async round(nodes: ReadonlyMap<string, Asked>): Promise<void> {
    const replies = await this.#ask([...nodes.keys()]);
    if (!replies) {
      for (const { keeper } of nodes.values()) keeper.wake();
      return;
    }
    const answering: AnsweringWorker[] = [];
    const silent = new Map<string, Asked>();
    let told = 0;
    for (const [node, asked] of nodes) {
      if (++told % TOLD_AT_ONCE === 0) await nextTurn();
      const reply = replies.get(node);
      if (!reply) {
        silent.set(node, asked);
        continue;
      }
      const { keeper, row } = asked;
      answering.push({ name: keeper.name, node, pid: row.pid, reply });
      keeper.roundHeard({ pid: row.pid, startTicks: row.startTicks, reply, silence: null });
    }
    await this.#judgeSilence([...silent.values()], answering.length);
    await this.#judgeConsuming(answering, nodes);
  }

  /** undefined where the broker did not take the question: then silence says nothing. */
  async #ask(nodes: readonly string[]): Promise<Map<string, Reply> | undefined> {
    const { control, link } = this.#connection;
    if (link.state.is !== "up") return undefined;
    try {
      return await askWorkers(control, nodes, ANSWER_MS);
    } catch (error) {
      if (error instanceof AmqpAway) return undefined;
      throw error;
    }
  }

  async #judgeSilence(silent: readonly Asked[], answered: number): Promise<void> {
    const { control, link } = this.#connection;
    const unanswered = silent.map(({ keeper, row }) => keeper.unanswered(row));
    const judged = await this.#hearing.judge(link.state, unanswered, answered, () => control.echo(ANSWER_MS));
    for (const { keeper, row } of silent) {
      const silence = judged.get(keeper.name) ?? null;
      keeper.roundHeard({ pid: row.pid, startTicks: row.startTicks, reply: null, silence });
    }
  }

  async #judgeConsuming(answering: readonly AnsweringWorker[], nodes: ReadonlyMap<string, Asked>): Promise<void> {
    const { control, link } = this.#connection;
    const questions = {
      count: (queues: readonly string[]) => countQueues(link, queues),
      idle: (asked: readonly string[]) => idleWorkers(control, asked, ANSWER_MS),
    };
    try {
      const found = await this.#consuming.check(answering, questions);
      for (const { keeper } of nodes.values()) {
        const finding = found.get(keeper.name);
        if (finding) keeper.foundConsuming(finding);
      }
    } catch (error) {
      // Who cannot be asked is not accused.
      if (!(error instanceof AmqpAway)) throw error;
    }
  }
}
