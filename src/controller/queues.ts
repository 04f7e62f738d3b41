import { probeQueue, unbindQueue } from "../celery/topology.ts";
import type { Params } from "../domain/fields.ts";
import type { Instance } from "../domain/instance.ts";
import { queueName } from "../domain/names.ts";
import { changedQueue, parseQueueChange, sameQueue, type Queue } from "../domain/queue.ts";
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
    const before = store.queues.get(app, name);
    if (before && sameQueue(before, next(before))) return { queue: before, isNew: false };
    refuseDifferent(this.#parts, findApp(store, app), next(before));
    if (before) await this.#tryChange(next(before));
    const { queue, outdated } = store.write(() => {
      findApp(store, app);
      const after = next(store.queues.get(app, name));
      store.queues.put(after);
      return { queue: after, outdated: before ? this.#askForRestarts(after) : [] };
    });
    if (before) await this.#removeOldBinding(before, queue);
    for (const instance of outdated) supervisor.wake(instance.name, "people");
    if (!options.nowait) await Promise.all(outdated.map((instance) => settle(this.#parts, instance, options)));
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
  async #tryChange(queue: Queue): Promise<void> {
    const { store, brokers } = this.#parts;
    const { link } = brokers.use(appBroker(this.#parts, findApp(store, queue.app)));
    const isAsked = await declareOrRefuse(() => probeQueue(link, queue), queue.name);
    if (!isAsked) refuseAway(link.state, { stored: false });
  }

  async #removeOldBinding(before: Queue, after: Queue): Promise<void> {
    const { store, brokers } = this.#parts;
    if (Bun.deepEquals(bindingOf(before), bindingOf(after))) return;
    const { link } = brokers.use(appBroker(this.#parts, findApp(store, before.app)));
    await declareOrRefuse(() => unbindQueue(link, before), before.name);
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

const bindingOf = ({ exchange, routingKey, options }: Queue) => [exchange, options?.binding_key ?? routingKey];
