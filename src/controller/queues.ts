import { isSameBinding, probeQueue, rebindQueue } from "../celery/topology.ts";
import { CymeError } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import type { Instance } from "../domain/instance.ts";
import { queueName } from "../domain/names.ts";
import { changedQueue, parseQueueChange, sameQueue, type Queue } from "../domain/queue.ts";
import type { Link } from "../kit/amqp.ts";
import { appBroker, findApp, findQueue, refuseAway, waitFor, type CallOptions, type Parts } from "./context.ts";
import { declareOrRefuse, refuseDifferent } from "./declarations.ts";
import { settle } from "./settle.ts";

/** What can be done to queue declarations. */
export class Queues {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
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
    const { store, clock, supervisor } = this.#parts;
    queueName(name);
    findApp(store, app);
    const change = parseQueueChange(name, params);
    const next = (before: Queue | undefined) => changedQueue({ app, name, nowMs: clock.now() }, before, change);
    const known = store.queues.get(app, name);
    if (known && sameQueue(known, next(known))) return { queue: known, isNew: false };
    refuseDifferent(this.#parts, findApp(store, app), next(known));
    if (known) await this.#tryChange(next(known), options);
    const { before, queue, outdated } = store.write(() => {
      findApp(store, app);
      const replaced = store.queues.get(app, name);
      const after = next(replaced);
      store.queues.put(after);
      const isChanged = replaced !== undefined && !sameQueue(replaced, after);
      return { before: replaced, queue: after, outdated: isChanged ? this.#askForRestarts(after) : [] };
    });
    for (const instance of outdated) supervisor.wake(instance.name, "people");
    if (before) await this.#rebind(before, queue, options);
    if (!options.nowait) await Promise.all(outdated.map((instance) => settle(this.#parts, instance, options, [name])));
    return { queue, isNew: !before };
  }

  /** Removes a declaration; every instance of the app stops consuming from it. The queue on the broker, and what is in it, stays. */
  async remove(app: string, name: string, options: CallOptions): Promise<void> {
    const { store, supervisor } = this.#parts;
    findQueue(store, app, name);
    const instances = store.write(() => store.queues.remove(app, name));
    for (const instance of instances) supervisor.wake(instance);
    if (options.nowait) return;
    await Promise.all(instances.map((instance) => this.#untilCancelled(instance, name, options)));
  }

  #untilCancelled(instance: string, queue: string, options: CallOptions): Promise<true> {
    return waitFor(this.#parts, instance, options, (status) => {
      if (status === "gone" || status.pid === null) return true;
      refuseAway(status.link, { stored: true });
      return status.reply && !status.reply.queues.includes(queue) ? true : undefined;
    });
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

  #askForRestarts({ app, name }: Queue): Instance[] {
    const { store } = this.#parts;
    const consuming = store.instances.ofApp(app).filter(({ queues, isDeleted }) => queues.includes(name) && !isDeleted);
    const running = consuming.filter(({ isEnabled, isHeld }) => isEnabled && !isHeld);
    return running.map((instance) => {
      const fields = { restartSeq: instance.restartSeq + 1, isRolling: true };
      store.instances.set(instance.name, fields);
      return { ...instance, ...fields };
    });
  }
}
