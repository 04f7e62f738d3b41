import type { Json } from "../bus/bus.ts";
import { factsOf } from "../cluster/cluster.ts";
import { conflict, CymeError, invalid, notFound } from "../domain/errors.ts";
import { text, type Params } from "../domain/fields.ts";
import type { Instance } from "../domain/instance.ts";
import { branchId } from "../domain/names.ts";
import type { Log } from "../kit/log.ts";
import { adoptionToJson, offerOf } from "./adoption.ts";
import { findInstance, type CallOptions, type Parts } from "./context.ts";
import { untilGone } from "./settle.ts";

const LOCK_MS = 10_000;
/** Kept from the caller's time for what follows at this end. */
const RETURN_MS = 1_000;

interface MoveParts extends Parts {
  readonly log: Log;
}

/** An instance that was offered to another branch. */
interface Offer {
  readonly move: string;
  readonly to: string;
  /** As it was then. */
  readonly offered: ReturnType<typeof offerOf>;
  /** Whether the caller is waited for still: else it is not let go any more. */
  isOpen: boolean;
  /** The other branch was told that it may have the instance, so that it has it, or will be heard of no more. */
  isReleased: boolean;
}

/**
 * Gives an instance to another branch: its worker starts there before it stops here. The name belongs to this branch until
 * the other says that the worker runs, and this one lets it go; until then nothing else may be done with the instance. If
 * either ends in the middle, what is left is a second worker of that name, which is stopped when that is found out.
 */
export class Moves {
  readonly #parts: MoveParts;
  /** By name. Those that were let go stay until the other branch is heard of. */
  readonly #offers = new Map<string, Offer>();

  constructor(parts: MoveParts) {
    this.#parts = parts;
    parts.cluster.serve("instances.release", (args, from) => this.#release(args, from));
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

  /** Throws `conflict` for an instance that is being moved: what is done to it now would be lost. */
  refuseLeaving(name: string): void {
    const offer = this.#offers.get(name);
    if (!offer?.isOpen) return;
    const message = `Instance "${name}" is being moved to branch "${offer.to}": ask again when it is there`;
    throw conflict(message, { instance: name, branch: offer.to, stored: false });
  }

  /** Another branch has this name by now. Where that was wished the instance here is deleted, and true returned. */
  isHandedOver(name: string, to: string): boolean {
    const offer = this.#offers.get(name);
    if (offer?.to !== to || !offer.isReleased) return false;
    // What somebody changed after the move was given up is for people to decide.
    if (!offer.isOpen && !this.#isAsOffered(name, offer)) return false;
    this.#handOver(name);
    return true;
  }

  async #move(instance: Instance, to: string, timeoutMs: number): Promise<void> {
    const { cluster, owners, clock } = this.#parts;
    const { name } = instance;
    this.refuseLeaving(name);
    const untilMs = clock.now() + timeoutMs;
    const leftMs = () => Math.max(1, untilMs - clock.now());
    const move = crypto.randomUUID();
    const offer: Offer = { move, to, offered: offerOf(instance), isOpen: true, isReleased: false };
    this.#offers.set(name, offer);
    try {
      await cluster.withLock(`instance ${name}`, Math.min(LOCK_MS, timeoutMs), async () => {
        const args = adoptionToJson(offer.offered, move, Math.max(0, leftMs() - RETURN_MS));
        owners.take(await cluster.call(to, "instances.adopt", args, leftMs(), { isWrite: true }));
      });
    } catch (error) {
      throw this.#failed(name, offer, error);
    } finally {
      offer.isOpen = false;
    }
    if (this.#offers.has(name)) this.#handOver(name);
    await untilGone(this.#parts, name, { nowait: false, timeoutMs: leftMs() });
  }

  /** What the caller is told of a move that was not heard to be done: whether it is, and may be yet. */
  #failed(name: string, offer: Offer, error: unknown): unknown {
    const { to } = offer;
    const isThere = this.#parts.owners.find(name)?.branch === to && offer.isReleased;
    const isRefused = error instanceof CymeError && error.facts["stored"] === false;
    const mayBeThere = offer.isReleased && !isRefused;
    if (isThere) this.#handOver(name);
    else if (!mayBeThere) this.#offers.delete(name);
    const stored = isThere || (mayBeThere ? null : false);
    return error instanceof CymeError ? error.withFacts({ instance: name, branch: to, stored }) : error;
  }

  /** The worker runs on the other branch, which may have the instance: where it is still as it was offered, and waited for. */
  #release(args: Json, from: string): null {
    const { name, move } = factsOf(args);
    const offer = typeof name === "string" ? this.#offers.get(name) : undefined;
    if (typeof name !== "string" || offer?.move !== move || offer?.to !== from || !offer.isOpen) {
      throw conflict(`Instance "${String(name)}" is not being moved to branch "${from}" any more`, { stored: false });
    }
    if (!this.#isAsOffered(name, offer)) {
      const message = `Instance "${name}" was changed while it was being moved, and stays: move it again`;
      throw conflict(message, { instance: name, stored: false });
    }
    offer.isReleased = true;
    return null;
  }

  #isAsOffered(name: string, { offered }: Offer): boolean {
    const instance = this.#parts.store.instances.get(name);
    return instance !== undefined && !instance.isDeleted && Bun.deepEquals(offerOf(instance), offered);
  }

  /** The other branch has it: the worker here may go, and takes nothing with it that the other one uses. */
  #handOver(name: string): void {
    const { store, supervisor } = this.#parts;
    this.#offers.delete(name);
    store.write(() => store.instances.set(name, { isDeleted: true }));
    supervisor.wake(name);
  }
}
