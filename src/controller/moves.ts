import type { Json } from "../bus/bus.ts";
import { factsOf } from "../cluster/cluster.ts";
import { rowsToJson } from "../cluster/rows.ts";
import { conflict, CymeError, invalid, notFound } from "../domain/errors.ts";
import { text, type Params } from "../domain/fields.ts";
import { instanceParams, newInstance, parseInstanceChange, type Instance } from "../domain/instance.ts";
import { branchId, instanceName } from "../domain/names.ts";
import type { Log } from "../kit/log.ts";
import { findApp, findInstance, findQueue, type CallOptions, type Parts } from "./context.ts";
import { settle, untilGone } from "./settle.ts";
import { refuseUser } from "./users.ts";

const LOCK_MS = 10_000;
/** Kept from the caller's time for what follows at this end. */
const RETURN_MS = 1_000;

interface MoveParts extends Parts {
  readonly log: Log;
}

/**
 * Gives an instance to another branch: its worker starts there before it stops here. The name belongs to this branch until
 * the other says that the worker runs. If either ends in the middle, what is left is a second worker of that name, which the
 * branch that does not own the name stops when it finds out.
 */
export class Moves {
  readonly #parts: MoveParts;
  /** Instances that start here while they still belong to another branch. */
  readonly #arriving = new Set<string>();
  /** Instances that were offered to another branch, and to which. */
  readonly #leaving = new Map<string, string>();

  constructor(parts: MoveParts) {
    this.#parts = parts;
    parts.cluster.serve("instances.adopt", (args) => this.#adopt(args));
  }

  /** Moves an instance of this branch. With nowait it is begun. */
  async move(app: string | undefined, name: string, params: Params, options: CallOptions): Promise<void> {
    const { store, cluster, log } = this.#parts;
    const { branch } = params;
    if (branch === undefined || branch === null) throw invalid("branch", "the id of a branch");
    const to = branchId(text("branch", branch) ?? "");
    const instance = findInstance(store, app, name);
    if (to === cluster.branchId) return;
    if (!cluster.isUp(to) && !cluster.others.includes(to)) throw notFound("branch", to);
    const moving = this.#move(instance, to, options.timeoutMs);
    if (!options.nowait) return moving;
    moving.catch((error: unknown) => log.error("an instance could not be moved", { instance: name, to, error }));
  }

  /** Another branch has this name by now. Whether that was wished, so that the instance here is deleted. */
  isHandedOver(name: string, to: string): boolean {
    return this.#leaving.get(name) === to;
  }

  /** Whether the instance starts here while it still belongs to another branch. */
  isArriving(name: string): boolean {
    return this.#arriving.has(name);
  }

  async #move(instance: Instance, to: string, timeoutMs: number): Promise<void> {
    const { cluster, owners, clock } = this.#parts;
    const { name } = instance;
    if (this.#leaving.has(name)) throw conflict(`Instance "${name}" is being moved already`, { instance: name });
    const untilMs = clock.now() + timeoutMs;
    const leftMs = () => Math.max(1, untilMs - clock.now());
    this.#leaving.set(name, to);
    try {
      await cluster.withLock(`instance ${name}`, Math.min(LOCK_MS, timeoutMs), async () => {
        const wait = Math.max(0, leftMs() - RETURN_MS);
        owners.take(await cluster.call(to, "instances.adopt", adoption(instance, wait), leftMs(), { isWrite: true }));
      });
      this.#handOver(name);
      await untilGone(this.#parts, name, { nowait: false, timeoutMs: leftMs() });
    } catch (error) {
      // It may have told that it has the instance, though not in time.
      if (owners.find(name)?.branch === to) this.#handOver(name);
      throw error instanceof CymeError ? error.withFacts({ instance: name, branch: to }) : error;
    } finally {
      this.#leaving.delete(name);
    }
  }

  /** The other branch has it: the worker here may go, and takes nothing with it that the other one uses. */
  #handOver(name: string): void {
    const { store, supervisor } = this.#parts;
    store.write(() => store.instances.set(name, { isDeleted: true }));
    supervisor.wake(name);
  }

  async #adopt(args: Json): Promise<Json> {
    const { store, supervisor, owners, clock } = this.#parts;
    const { instance, waitMs } = readAdoption(args, clock.now());
    const { name, app, queues } = instance;
    findApp(store, app);
    refuseUser(instance.user);
    for (const queue of queues) findQueue(store, app, queue);
    const isOurs = owners.find(name)?.branch === this.#parts.cluster.branchId;
    if (this.#arriving.has(name) || (isOurs && store.instances.get(name))) {
      throw conflict(`Instance "${name}" is on branch "${this.#parts.cluster.branchId}" already`, { instance: name });
    }
    this.#arriving.add(name);
    try {
      store.write(() => store.instances.put(instance));
      supervisor.wake(name, "people");
      await this.#settle(instance, waitMs);
      const row = store.write(() => owners.claim(name, app));
      await owners.tell([row]);
      return rowsToJson({ owners: [row], branches: [] });
    } finally {
      this.#arriving.delete(name);
    }
  }

  /** What does not come up is removed again. */
  async #settle(instance: Instance, timeoutMs: number): Promise<void> {
    const { store, supervisor } = this.#parts;
    try {
      await settle(this.#parts, instance, { nowait: false, timeoutMs }, instance.queues);
    } catch (error) {
      store.write(() => store.instances.set(instance.name, { isDeleted: true }));
      supervisor.wake(instance.name);
      throw error instanceof CymeError ? error.withFacts({ stored: false }) : error;
    }
  }
}

const adoption = (instance: Instance, waitMs: number): Json => ({
  name: instance.name,
  app: instance.app,
  // Made of JSON, which its type does not say.
  params: instanceParams(instance) as { readonly [key: string]: Json },
  is_held: instance.isHeld,
  disabled_reason: instance.disabledReason,
  limited_at: instance.limitedAtMs,
  created_at: instance.createdAtMs,
  wait_ms: waitMs,
});

function readAdoption(args: Json, nowMs: number): { instance: Instance; waitMs: number } {
  const facts = factsOf(args);
  const { name, app, params, is_held: isHeld, disabled_reason: disabledReason, created_at: createdAt } = facts;
  const limitedAtMs = facts["limited_at"];
  if (typeof name !== "string" || typeof app !== "string") throw invalid("the instance", "its name and its app");
  const change = parseInstanceChange(factsOf(params ?? null));
  const made = newInstance({ name: instanceName(name), app, nowMs }, change);
  const waitMs = facts["wait_ms"];
  const instance = {
    ...made,
    isHeld: isHeld === true,
    disabledReason: typeof disabledReason === "string" ? disabledReason : null,
    limitedAtMs: typeof limitedAtMs === "number" ? limitedAtMs : null,
    createdAtMs: typeof createdAt === "number" ? createdAt : nowMs,
  };
  return { instance, waitMs: typeof waitMs === "number" ? waitMs : 0 };
}
