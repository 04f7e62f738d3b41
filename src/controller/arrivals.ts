import type { Json } from "../bus/bus.ts";
import { rowsToJson } from "../cluster/rows.ts";
import { conflict, CymeError } from "../domain/errors.ts";
import type { Instance } from "../domain/instance.ts";
import type { Owner } from "../store/owners.ts";
import { readAdoption, type Adoption } from "./adoption.ts";
import { findApp, findQueue, type Parts } from "./context.ts";
import { settle } from "./settle.ts";
import { refuseUser } from "./users.ts";

/** Most that the branch which gives an instance away is waited for, once the worker runs. */
const RELEASE_MS = 3_000;

/**
 * Instances that other branches move here. A copy is started, and takes the name when the other branch, asked once more, lets
 * it go; else it is removed, however this branch ends meanwhile. So a move that its caller was told has failed is not done later.
 */
export class Arrivals {
  readonly #parts: Parts;
  readonly #arriving = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.cluster.serve("instances.adopt", (args, from, signal) => this.#adopt(args, from, signal));
    parts.owners.heedArriving((name) => this.has(name));
  }

  /** Removes copies that were starting when the branch last ended. */
  start(): void {
    const { store, owners, supervisor, branchId } = this.#parts;
    const left = this.#noted().filter((name) => owners.find(name)?.branch !== branchId);
    store.write(() => {
      for (const name of left) store.instances.set(name, { isDeleted: true });
      this.#note();
    });
    for (const name of left) supervisor.wake(name);
  }

  /** Whether the instance starts here while it still belongs to another branch. */
  has(name: string): boolean {
    return this.#arriving.has(name);
  }

  async #adopt(args: Json, from: string, signal: AbortSignal): Promise<Json> {
    const { store, owners, clock } = this.#parts;
    const adoption = readAdoption(args, clock.now());
    const { name, app, queues, user } = adoption.instance;
    await refuseUser(user);
    findApp(store, app);
    for (const queue of queues) findQueue(store, app, queue);
    this.#refuseOwn(name);
    this.#arriving.add(name);
    try {
      const row = await this.#receive(adoption, from, signal);
      await owners.tell([row]);
      return rowsToJson({ owners: [row], branches: [] });
    } finally {
      this.#arriving.delete(name);
    }
  }

  async #receive({ instance, move, waitMs }: Adoption, from: string, signal: AbortSignal): Promise<Owner> {
    const { store, supervisor, owners } = this.#parts;
    const { name, app, queues } = instance;
    try {
      store.write(() => {
        store.instances.put(instance);
        this.#note();
      });
      supervisor.wake(name, "people");
      await settle(this.#parts, instance, { nowait: false, timeoutMs: waitMs }, queues);
      if (signal.aborted) throw new CymeError("timeout", `Branch "${from}" waits for "${name}" no longer`);
      await this.#askFor(name, move, from);
      return store.write(() => {
        this.#arriving.delete(name);
        this.#note();
        return owners.claim(name, app);
      });
    } catch (error) {
      this.#remove(instance);
      throw error instanceof CymeError ? error.withFacts({ stored: false }) : error;
    }
  }

  /** Resolves once the other branch has let the name go. */
  async #askFor(name: string, move: string, from: string): Promise<void> {
    try {
      await this.#parts.cluster.call(from, "instances.release", { name, move }, RELEASE_MS);
    } catch (error) {
      if (!(error instanceof CymeError) || error.code === "conflict") throw error;
      const message = `The worker of "${name}" ran on branch "${this.#parts.branchId}", but was not let go: ${error.message}`;
      throw new CymeError(error.code, message, error.facts);
    }
  }

  #remove({ name }: Instance): void {
    const { store, supervisor } = this.#parts;
    this.#arriving.delete(name);
    store.write(() => {
      store.instances.set(name, { isDeleted: true });
      this.#note();
    });
    supervisor.wake(name);
  }

  #refuseOwn(name: string): void {
    const { store, owners, branchId } = this.#parts;
    const own = store.instances.get(name);
    if (!this.has(name) && !own) return;
    const isHidden = own !== undefined && !this.has(name) && owners.find(name)?.branch !== branchId;
    const what = isHidden
      ? `Branch "${branchId}" has an instance "${name}" of its own that only commands with -L see: delete it there first`
      : `Instance "${name}" is on branch "${branchId}" already`;
    throw conflict(what, { instance: name, stored: false });
  }

  #noted(): readonly string[] {
    return JSON.parse(this.#parts.store.settings.get("arriving") ?? "[]") as string[];
  }

  /** For the next start. */
  #note(): void {
    this.#parts.store.settings.set("arriving", JSON.stringify([...this.#arriving]));
  }
}
