import { isSameBinding, probeQueue, rebindQueue } from "../celery/topology.ts";
import { NOBODY_ELSE, type Spreading } from "../cluster/spreading.ts";
import { queueId } from "../domain/definition.ts";
import { CymeError } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import { queueName } from "../domain/names.ts";
import { changedQueue, parseQueueChange, sameQueue, type Queue } from "../domain/queue.ts";
import type { Link } from "../kit/amqp.ts";
import { appBroker, findApp, findQueue, refuseAway, type CallOptions } from "./context.ts";
import { declareOrRefuse, refuseDifferent } from "./declarations.ts";
import {
  type DefinitionParts,
  begin,
  storeQueue,
  storeQueueDeletion,
  untilDone,
  untilDoneEverywhere,
} from "./effects.ts";

/** What can be done to queue declarations. */
export class Queues {
  readonly #parts: DefinitionParts;
  readonly #spreading: Spreading;

  constructor(parts: DefinitionParts, spreading: Spreading = NOBODY_ELSE) {
    this.#parts = parts;
    this.#spreading = spreading;
  }

  names(app: string): string[] {
    findApp(this.#parts.store, app);
    return this.#parts.store.queues.names(app);
  }

  all(app: string): Queue[] {
    findApp(this.#parts.store, app);
    return this.#parts.store.queues.all(app);
  }

  get(app: string, name: string): Queue {
    return findQueue(this.#parts.store, app, name);
  }

  /** Declares a queue, or changes a declaration: workers that consume from it restart to take the change, one by one. */
  async put(
    app: string,
    name: string,
    params: Params,
    options: CallOptions,
  ): Promise<{ queue: Queue; isNew: boolean }> {
    const { store, clock } = this.#parts;
    queueName(name);
    findApp(store, app);
    const change = parseQueueChange(name, params);
    const next = (before: Queue | undefined) => changedQueue({ app, name, nowMs: clock.now() }, before, change);
    const known = store.queues.get(app, name);
    if (known && sameQueue(known, next(known))) return { queue: known, isNew: false };
    refuseDifferent(this.#parts, findApp(store, app), next(known));
    if (known) await this.#tryChange(next(known), options);
    const { before, queue, effects } = store.write(() => {
      findApp(store, app);
      const replaced = store.queues.get(app, name);
      const after = next(replaced);
      store.noteChanged(queueId(app, name), clock.now());
      return { before: replaced, queue: after, effects: storeQueue(this.#parts, replaced, after) };
    });
    begin(this.#parts, effects);
    const told = this.#spreading.spread([queueId(app, name)], options);
    const done = async () => {
      if (before) await this.#rebind(before, queue, options);
      await untilDone(this.#parts, effects, options);
    };
    await untilDoneEverywhere(done(), told);
    return { queue, isNew: !before };
  }

  /** Removes a declaration; every instance of the app stops consuming from it. The queue on the broker, and what is in it, stays. */
  async remove(app: string, name: string, options: CallOptions): Promise<void> {
    const { store, clock } = this.#parts;
    const effects = store.write(() => {
      findQueue(store, app, name);
      store.noteDeleted(queueId(app, name), clock.now());
      return storeQueueDeletion(this.#parts, app, name);
    });
    begin(this.#parts, effects);
    const told = this.#spreading.spread([queueId(app, name)], options);
    await Promise.all([untilDone(this.#parts, effects, options), told]);
  }

  /** The broker cannot change what it has: ask it before anything is stored. */
  async #tryChange(queue: Queue, options: CallOptions): Promise<void> {
    await this.#ask(queue, options, { stored: false }, probeQueue);
  }

  /** Workers bind as declared, but none takes an old binding away; and where none runs, nobody makes the new one. */
  async #rebind(before: Queue, after: Queue, options: CallOptions): Promise<void> {
    if (isSameBinding(before, after)) return;
    await this.#ask(after, options, { stored: true }, (link) => rebindQueue(link, before, after));
  }

  /** Does `work` on the broker of the queue's app; throws, with `facts`, where the broker is away or refuses it. */
  async #ask(
    queue: Queue,
    options: CallOptions,
    facts: { stored: boolean },
    work: (link: Link, queue: Queue) => Promise<void>,
  ): Promise<void> {
    const broker = appBroker(this.#parts, findApp(this.#parts.store, queue.app));
    try {
      const away = await declareOrRefuse(this.#parts, broker, queue, options, work);
      if (away) refuseAway({ is: "away", sinceMs: 0, reason: away.reason, refused: away.refused });
    } catch (error) {
      throw error instanceof CymeError ? error.withFacts(facts) : error;
    }
  }
}
