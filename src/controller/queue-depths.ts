import { countQueues, NO_QUEUE, type QueueCount } from "../celery/queue-counts.ts";
import { brokerUrl, type Broker } from "../domain/broker.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { Log } from "../kit/log.ts";
import { appBroker, type Parts } from "./context.ts";

type DepthParts = Pick<Parts, "store" | "brokers" | "defaultBroker" | "clock"> & { readonly log: Log };

/** Each is one question to its broker. */
const MAX_QUEUES = 1_000;
/** Of queues that were not there: asking for one costs a channel. */
const MISSING_AT_ONCE = 50;
/** For who asks once: counts so young are as good as new ones, and more than so long nobody waits for them. */
const YOUNG_MS = 5_000;
const PATIENCE_MS = 1_000;

interface Group {
  readonly broker: Broker;
  /** By name: apps may share a queue. */
  readonly apps: Map<string, string[]>;
}

/** How many messages wait in each queue, and how many consume from it, as brokers count: asked when somebody looks. */
export class QueueDepths {
  readonly #parts: DepthParts;
  #counts: ReadonlyMap<string, QueueCount> = new Map();
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;
  #turn = 0;

  constructor(parts: DepthParts) {
    this.#parts = parts;
  }

  /** What was counted last: another object after each count. */
  get counts(): object {
    return this.#counts;
  }

  /** Undefined where it is not known, as while the broker is away. A queue that is not there (yet) has none. */
  of(app: string, queue: string): QueueCount | undefined {
    return this.#counts.get(keyOf(app, queue));
  }

  /** Counts anew, unless that is being done. Changes nothing on a broker, and never rejects. */
  async count(): Promise<void> {
    this.#counting ??= this.#count().finally(() => (this.#counting = undefined));
    return this.#counting;
  }

  /** For who asks once: has counts that are young, as far as the brokers say them at once. */
  async refresh(): Promise<void> {
    const { clock } = this.#parts;
    const isYoung = () => Math.abs(clock.now() - this.#countedAtMs) < YOUNG_MS;
    if (isYoung()) return;
    const counted = new AbortController();
    const counting = this.count().finally(() => counted.abort());
    await Promise.race([counting, clock.sleep(PATIENCE_MS, counted.signal)]);
    if (!isYoung()) this.forget();
  }

  /** Nobody looks any more. */
  forget(): void {
    this.#counts = new Map();
    this.#countedAtMs = Number.NEGATIVE_INFINITY;
  }

  async #count(): Promise<void> {
    try {
      this.#turn++;
      const counted = await Promise.all(this.#groups().map((group) => this.#countGroup(group)));
      this.#counts = new Map(counted.flat());
      this.#countedAtMs = this.#parts.clock.now();
    } catch (error) {
      this.#parts.log.error("queues cannot be counted", { error });
    }
  }

  #groups(): Group[] {
    const { store } = this.#parts;
    const groups = new Map<string, Group>();
    let left = MAX_QUEUES;
    for (const app of store.apps.all()) {
      if (app.isDeleted) continue;
      const broker = appBroker(this.#parts, app);
      const group = groups.get(brokerUrl(broker)) ?? { broker, apps: new Map<string, string[]>() };
      groups.set(brokerUrl(broker), group);
      for (const name of store.queues.names(app.name).slice(0, left)) {
        left--;
        group.apps.set(name, [...(group.apps.get(name) ?? []), app.name]);
      }
    }
    return [...groups.values()];
  }

  /** Of many that were not there, some are asked for each time, and all in turn. */
  #isTurnOf(at: number, of: number): boolean {
    const turns = Math.ceil(of / MISSING_AT_ONCE);
    return at % turns === this.#turn % turns;
  }

  async #countGroup({ broker, apps }: Group): Promise<(readonly [string, QueueCount])[]> {
    if (apps.size === 0) return [];
    try {
      const { link } = this.#parts.brokers.use(broker);
      const missing = [...apps].flatMap(([queue, [app = ""]]) => (this.of(app, queue) === NO_QUEUE ? [queue] : []));
      const unasked = new Set(missing.filter((_, at) => !this.#isTurnOf(at, missing.length)));
      const counts = await countQueues(
        link,
        [...apps.keys()].filter((queue) => !unasked.has(queue)),
      );
      for (const queue of unasked) counts.set(queue, NO_QUEUE);
      return [...counts].flatMap(([queue, count]) =>
        (apps.get(queue) ?? []).map((app) => [keyOf(app, queue), count] as const),
      );
    } catch (error) {
      if (error instanceof AmqpAway) return [];
      throw error;
    }
  }
}

/** Names hold no slash. */
const keyOf = (app: string, queue: string) => `${app}/${queue}`;
