import { declareQueue } from "../celery/topology.ts";
import { CymeError, conflict, notFound } from "../domain/errors.ts";
import type { Instance } from "../domain/instance.ts";
import { directQueue } from "../domain/names.ts";
import type { Queue } from "../domain/queue.ts";
import {
  appBroker,
  findApp,
  findInstance,
  findQueue,
  refuseAway,
  waitFor,
  type CallOptions,
  type Parts,
} from "./context.ts";
import { declareOrRefuse } from "./declarations.ts";
import type { Instances } from "./instances.ts";
import type { Moves } from "./moves.ts";
import { alive } from "./settle.ts";

/** Which instance consumes from which queue. */
export class Consumers {
  readonly #parts: Parts;
  readonly #instances: Instances;
  readonly #moves: Moves;

  constructor(parts: Parts, instances: Instances, moves: Moves) {
    this.#parts = parts;
    this.#instances = instances;
    this.#moves = moves;
  }

  /** Full declarations of what the worker consumes from now, by its own answer; none of a worker that does not run. */
  async all(app: string | undefined, name: string, options: CallOptions): Promise<Queue[]> {
    const instance = findInstance(this.#parts.store, app, name);
    if (!instance.isEnabled || instance.isHeld) return [];
    const answer = await this.#instances.activeQueues(app, name, options);
    const active = Array.isArray(answer) ? (answer as ActiveQueue[]) : [];
    return active.map((queue) => this.#declaration(instance, queue)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async get(app: string | undefined, name: string, queue: string, options: CallOptions): Promise<Queue> {
    const found = (await this.all(app, name, options)).find((consumed) => consumed.name === queue);
    if (!found) throw notFound("consumer", queue);
    return found;
  }

  /**
   * Makes the instance consume from a declared queue. The queue is declared on the broker before anything else: what the
   * broker refuses is a conflict, and no worker is told, since it would die of it.
   */
  async add(app: string | undefined, name: string, queueName: string, options: CallOptions): Promise<void> {
    const { store, supervisor } = this.#parts;
    const instance = findInstance(store, app, name);
    const queue = findQueue(store, instance.app, queueName);
    const broker = instance.broker ?? appBroker(this.#parts, findApp(store, instance.app));
    // A worker that consumes already needs no new try, and would lose an exclusive queue to it.
    const isNew = !instance.queues.includes(queueName);
    if (isNew && !options.nowait) await declareOrRefuse(this.#parts, broker, queue, options, declareQueue);
    this.#moves.refuseLeaving(name);
    const { before, after } = this.#wish(app, name, (queues) => [...new Set([...queues, queueName])].toSorted());
    const isAdded = !before.queues.includes(queueName);
    // As people do, who may have mended on the broker what it refused before.
    supervisor.wake(name, "people");
    if (options.nowait || !after.isEnabled || after.isHeld) return;
    try {
      await waitFor(this.#parts, name, options, (status) => {
        const seen = alive(status, name);
        const refused = seen.refused.get(queueName);
        if (refused !== undefined) {
          throw conflict(`The broker refuses queue "${queueName}": ${refused}`, { queue: queueName, stored: !isAdded });
        }
        refuseAway(seen.link, { stored: true });
        return seen.reply?.queues.includes(queueName) ? true : undefined;
      });
    } catch (error) {
      // Refused in spite of the try above: somebody else declared it meanwhile, or the worker cannot consume from it.
      if (isAdded && error instanceof CymeError && error.code === "conflict") this.#unwish(app, name, queueName);
      throw error;
    }
  }

  /** Makes the instance stop consuming from a queue. */
  async remove(app: string | undefined, name: string, queue: string, options: CallOptions): Promise<void> {
    const { store, supervisor } = this.#parts;
    const instance = findInstance(store, app, name);
    if (!instance.queues.includes(queue)) throw notFound("consumer", queue);
    this.#moves.refuseLeaving(name);
    this.#unwish(app, name, queue);
    supervisor.wake(name);
    if (options.nowait) return;
    await waitFor(this.#parts, name, options, (status) => {
      if (status === "gone" || status.pid === null) return true;
      refuseAway(status.link, { stored: true });
      return status.reply && !status.reply.queues.includes(queue) ? true : undefined;
    });
  }

  #unwish(app: string | undefined, name: string, queue: string): void {
    this.#wish(app, name, (queues) => queues.filter((wanted) => wanted !== queue));
  }

  #wish(
    app: string | undefined,
    name: string,
    change: (queues: readonly string[]) => string[],
  ): { before: Instance; after: Instance } {
    const { store } = this.#parts;
    return store.write(() => {
      const before = findInstance(store, app, name);
      const after = { ...before, queues: change(before.queues) };
      for (const queue of after.queues) findQueue(store, before.app, queue);
      store.instances.put(after);
      return { before, after };
    });
  }

  #declaration(instance: Instance, active: ActiveQueue): Queue {
    const declared = this.#parts.store.queues.get(instance.app, active.name);
    if (declared) return declared;
    const direct = directQueue(instance.name);
    return {
      app: instance.app,
      name: active.name,
      exchange: active.exchange?.name ?? direct,
      exchangeType: active.exchange?.type ?? "direct",
      routingKey: active.routing_key ?? active.name,
      options: null,
      createdAtMs: instance.createdAtMs,
    };
  }
}

/** An item of Celery's `active_queues` (kombu's Queue.as_dict), as far as it is read here. */
interface ActiveQueue {
  readonly name: string;
  readonly exchange?: { readonly name?: string; readonly type?: string };
  readonly routing_key?: string;
}
