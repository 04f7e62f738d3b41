import { join } from "node:path";
import { declareQueue } from "../celery/topology.ts";
import { CymeError, conflict, notFound, type Facts } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import {
  changedInstance,
  newInstance,
  parseBounds,
  parseInstanceChange,
  restartOf,
  type Instance,
  type InstanceChange,
} from "../domain/instance.ts";
import { hasBeat, onlyChanged } from "../domain/launch.ts";
import { instanceName, nodeName } from "../domain/names.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { HistoryEntry } from "../domain/history.ts";
import type { Bounds } from "../supervisor/plan.ts";
import type { Status } from "../supervisor/status.ts";
import { findApp, findInstance, refuseAway, type CallOptions, type Parts } from "./context.ts";
import { declareOrRefuse, refuseBadLogin } from "./declarations.ts";
import type { Moves } from "./moves.ts";
import { settle, untilGone } from "./settle.ts";
import { refuseUser } from "./users.ts";

export type { Status };

/** An instance with what is known of its worker. */
export interface InstanceDetail {
  readonly instance: Instance;
  /** "gone" where it was deleted while one looked. */
  readonly status: Status | "gone";
}

/** The conflict of adding what is there: whoever wants it changed may go on with that. */
export class InstanceExists extends CymeError {
  constructor(message: string, facts: Facts) {
    super("conflict", message, facts);
  }
}

const STATS_MS = 5000;

/** What can be done to the instances of this branch. `app` is undefined where the caller did not name it. */
export class Instances {
  readonly #parts: Parts;
  readonly #moves: Pick<Moves, "refuseLeaving">;

  constructor(parts: Parts, moves: Pick<Moves, "refuseLeaving">) {
    this.#parts = parts;
    this.#moves = moves;
  }

  /** Names of the instances of this branch, without those whose names another branch has by now. */
  names(app: string): readonly string[] {
    const { store, owners, cluster, branchId } = this.#parts;
    findApp(store, app);
    const names = store.instances.names(app);
    if (cluster.isAlone || !cluster.busState) return names;
    return names.filter((name) => (owners.find(name)?.branch ?? branchId) === branchId);
  }

  async details(app: string): Promise<InstanceDetail[]> {
    return Promise.all(this.names(app).map((name) => this.get(app, name)));
  }

  async get(app: string | undefined, name: string): Promise<InstanceDetail> {
    const instance = findInstance(this.#parts.store, app, name);
    return { instance, status: await this.#parts.supervisor.status(name) };
  }

  /** Creates an instance, named by a UUID without `name`, and starts its worker. One whose worker does not come up is removed again. */
  async add(app: string, name: string | undefined, params: Params, options: CallOptions): Promise<InstanceDetail> {
    const { store, clock, supervisor, owners, claims } = this.#parts;
    findApp(store, app);
    const change = parseInstanceChange(params);
    const instance = newInstance({ name: instanceName(name ?? crypto.randomUUID()), app, nowMs: clock.now() }, change);
    this.#checkBranch(change, undefined);
    await refuseUser(change.user);
    await this.#declareQueues(instance, instance.queues, options);
    const owner = store.write(() => {
      this.#refuseTaken(instance.name);
      this.#findQueues(instance);
      findApp(store, app);
      store.instances.put(instance);
      return owners.claim(instance.name, app);
    });
    claims.release(instance.name);
    void owners.tell([owner]);
    supervisor.wake(instance.name, "people");
    if (!options.nowait) await this.#settleNew(instance, options);
    return this.get(app, instance.name);
  }

  /** Changes the given fields; waits until the worker runs with them, or has stopped. */
  async change(app: string, name: string, params: Params, options: CallOptions): Promise<InstanceDetail> {
    const { store } = this.#parts;
    const before = findInstance(store, app, name);
    const given = parseInstanceChange(params);
    this.#checkBranch(given, before);
    const { branch: _branch, ...fields } = given;
    const change = onlyChanged<Instance>(before, fields) as InstanceChange;
    if (Object.keys(change).length === 0) return this.get(app, name);
    await refuseUser(change.user);
    if (change.broker && !options.nowait && before.isEnabled) await refuseBadLogin(this.#parts, change.broker, options);
    const changed = changedInstance(before, change);
    await this.#declareQueues(changed, newQueues(before, changed), options);
    return this.#update(app, name, options, (instance) => {
      const after = changedInstance(instance, change);
      this.#findQueues(after);
      return change.isEnabled === undefined ? after : { ...after, ...switched(change.isEnabled) };
    });
  }

  /** Whether the app has that instance; `conflict` where another app has it, or it is being deleted. */
  exists(app: string, name: string): boolean {
    findApp(this.#parts.store, app);
    const instance = this.#parts.store.instances.get(name);
    if (!instance) return false;
    if (instance.isDeleted) this.#refuseTaken(name);
    if (instance.app !== app)
      throw conflict(`Instance "${name}" belongs to app "${instance.app}"`, { app: instance.app });
    return true;
  }

  /** Stops the worker and deletes the instance, its folder and its direct queue. */
  async remove(app: string | undefined, name: string, options: CallOptions): Promise<void> {
    const { store, supervisor, owners } = this.#parts;
    findInstance(store, app, name);
    this.#moves.refuseLeaving(name);
    store.write(() => store.instances.set(name, { isDeleted: true }));
    supervisor.wake(name);
    if (options.nowait) return;
    await untilGone(this.#parts, name, options);
    // At once, and not only in the next round: the name is free, and who asked hears of that before the answer.
    await owners.refresh();
  }

  async enable(app: string | undefined, name: string, options: CallOptions): Promise<InstanceDetail> {
    return this.#update(app, name, options, (instance) => ({ ...instance, ...switched(true) }));
  }

  async disable(app: string | undefined, name: string, options: CallOptions): Promise<InstanceDetail> {
    return this.#update(app, name, options, (instance) => ({ ...instance, ...switched(false) }));
  }

  /** With a stand-in, another worker consumes until the new one does. */
  async restart(
    app: string | undefined,
    name: string,
    hasStandin: boolean,
    options: CallOptions,
  ): Promise<InstanceDetail> {
    return this.#update(app, name, options, (instance) => {
      if (!instance.isEnabled) {
        throw conflict(`Instance "${name}" is disabled: enable it instead`, { instance: name, state: "disabled" });
      }
      if (hasStandin && hasBeat(instance, findApp(this.#parts.store, instance.app))) {
        throw conflict(`Instance "${name}" runs with -B: a stand-in would send its scheduled tasks twice`, {
          instance: name,
        });
      }
      return { ...instance, ...restartOf(instance, { hasStandin }), isHeld: false };
    });
  }

  bounds(app: string | undefined, name: string): Bounds {
    const { maxConcurrency, minConcurrency } = findInstance(this.#parts.store, app, name);
    return { max: maxConcurrency, min: minConcurrency };
  }

  /** Stores new bounds and tells the worker; without any given it only answers. */
  async autoscale(app: string | undefined, name: string, params: Params, options: CallOptions): Promise<Bounds> {
    findInstance(this.#parts.store, app, name);
    const bounds = parseBounds(params);
    if (Object.keys(bounds).length === 0) return this.bounds(app, name);
    await this.#update(app, name, options, (instance) => changedInstance(instance, bounds));
    return this.bounds(app, name);
  }

  /** What the worker answers to Celery's `stats`. */
  async stats(app: string | undefined, name: string, options: CallOptions): Promise<unknown> {
    const instance = findInstance(this.#parts.store, app, name);
    return this.#ask(instance, "stats", Math.min(options.timeoutMs, STATS_MS));
  }

  /** What the worker consumes from now, as it answers to Celery's `active_queues`. */
  async activeQueues(app: string | undefined, name: string, options: CallOptions): Promise<unknown> {
    const instance = findInstance(this.#parts.store, app, name);
    return this.#ask(instance, "active_queues", Math.min(options.timeoutMs, STATS_MS));
  }

  history(app: string | undefined, name: string): HistoryEntry[] {
    findInstance(this.#parts.store, app, name);
    return this.#parts.store.history.of(name);
  }

  /** The path of the worker's log, which need not be there yet. */
  logFile(app: string | undefined, name: string): string {
    findInstance(this.#parts.store, app, name);
    return join(this.#parts.instanceDir, name, "worker.log");
  }

  /** Stores what `change` makes of the instance, wakes its keeper, and waits for the effect. */
  async #update(
    app: string | undefined,
    name: string,
    options: CallOptions,
    change: (instance: Instance) => Instance,
  ): Promise<InstanceDetail> {
    const { store, supervisor } = this.#parts;
    const { after, queues } = store.write(() => {
      const before = findInstance(store, app, name);
      this.#moves.refuseLeaving(name);
      const changed = change(before);
      // A person who switches an instance on again means it to have a fresh budget of restarts.
      if (changed.isEnabled && !before.isEnabled) store.workers.forgetDeaths(name);
      store.instances.put(changed);
      return { after: changed, queues: newQueues(before, changed) };
    });
    supervisor.wake(name, "people");
    if (!options.nowait) await settle(this.#parts, after, options, queues);
    return this.get(app, name);
  }

  async #settleNew(instance: Instance, options: CallOptions): Promise<void> {
    const { store, supervisor, owners } = this.#parts;
    try {
      await settle(this.#parts, instance, options, instance.queues);
    } catch (error) {
      if (!(error instanceof CymeError) || error.code !== "worker-failed") throw error;
      store.write(() => store.instances.set(instance.name, { isDeleted: true }));
      supervisor.wake(instance.name);
      await untilGone(this.#parts, instance.name, options);
      await owners.refresh();
      throw error.withFacts({ stored: false });
    }
  }

  async #ask(instance: Instance, method: string, timeoutMs: number): Promise<unknown> {
    const { store, brokers, supervisor } = this.#parts;
    const { name } = instance;
    const status = await supervisor.status(name);
    const row = store.workers.get(name);
    if (status === "gone" || status.pid === null || row.brokerId === null || row.node === null) {
      const state = status === "gone" ? "stopped" : status.state;
      throw conflict(`Instance "${name}" is not running: it is ${state}`, { instance: name, state });
    }
    const { link, control } = brokers.use(store.brokers.get(row.brokerId));
    refuseAway(link.state);
    try {
      await link.whenUp(timeoutMs);
      const { replies } = await control.ask(method, {}, [row.node], timeoutMs);
      const answer = replies.get(row.node);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof AmqpAway)) throw error;
      refuseAway({ is: "away", sinceMs: 0, reason: error.reason, refused: error.refused });
    }
    throw new CymeError("timeout", `The worker of "${name}" did not answer ${method} within ${timeoutMs / 1000} s`, {
      instance: name,
      node: nodeName(name, this.#parts.branchId),
      state: status.state,
    });
  }

  /** Instances of this branch can be pinned to it alone. */
  #checkBranch({ branch }: InstanceChange, existing: Instance | undefined): void {
    const { branchId } = this.#parts;
    if (branch === undefined || branch === branchId) return;
    if (!existing) throw notFound("branch", branch);
    throw conflict(`Instance "${existing.name}" belongs to branch "${branchId}"`, { branch: branchId });
  }

  #refuseTaken(name: string): void {
    const { store, owners, branchId } = this.#parts;
    const owner = owners.find(name);
    if (owner && owner.branch !== branchId) {
      const facts = { instance: name, app: owner.app, branch: owner.branch };
      throw conflict(`Instance "${name}" belongs to branch "${owner.branch}"`, facts);
    }
    const taken = store.instances.get(name);
    if (!taken) return;
    const facts = { instance: name, app: taken.app };
    if (!taken.isDeleted) throw new InstanceExists(`Instance "${name}" exists already`, facts);
    throw conflict(`Instance "${name}" is being deleted: wait until its worker has ended`, facts);
  }

  #findQueues({ app, queues }: Instance): void {
    for (const queue of queues) if (!this.#parts.store.queues.get(app, queue)) throw notFound("queue", queue);
  }

  /** What the broker refuses is said before anything is stored. Without the broker the supervisor finds out later. */
  async #declareQueues(instance: Instance, names: readonly string[], options: CallOptions): Promise<void> {
    const { store, defaultBroker } = this.#parts;
    for (const name of names) {
      const queue = store.queues.get(instance.app, name);
      if (!queue) throw notFound("queue", name);
      const broker = instance.broker ?? store.apps.get(instance.app)?.broker ?? defaultBroker;
      await declareOrRefuse(this.#parts, broker, queue, options, declareQueue);
    }
  }
}

/** The queues that the broker of the instance has to be asked about: those added, or all of them on another broker. */
function newQueues(before: Instance, after: Instance): string[] {
  const isMoved = !Bun.deepEquals(before.broker, after.broker);
  return after.queues.filter((queue) => isMoved || !before.queues.includes(queue));
}

/** The fields of an instance that a person just switched on or off. */
const switched = (isEnabled: boolean) => ({ isEnabled, disabledReason: null, limitedAtMs: null, isHeld: false });
