import type { Gathered, Json } from "../bus/bus.ts";
import { conflict, CymeError, notFound, unavailable } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { Owner } from "../store/owners.ts";
import type { Store } from "../store/store.ts";
import { factsOf, type Cluster } from "./cluster.ts";
import type { Owners } from "./owners.ts";
import { choose } from "./placement.ts";
import { rowsToJson } from "./rows.ts";

export interface ClaimsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly owners: Owners;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Which branch is to have an instance; `isTaken` where it has it already. */
export interface Placed {
  readonly name: string;
  readonly branch: string;
  readonly isTaken: boolean;
  /** By which the chosen branch knows for whom it keeps the name. */
  readonly token: string;
}

/** What a branch has under a name: an instance, or the promise that one is being added. */
type Claimed = "instance" | "promise";

/** A name that is kept for an instance that is being added. */
interface Kept {
  /** Of who asked for it to be kept. */
  readonly token: string;
  /** By the clock; without end while it is being added. */
  readonly untilMs: number;
}

/** How long a name is kept for a request that is on its way: who sent it gives the name back where it is given up. */
const PROMISE_MS = 60_000;
const LOCK_MS = 10_000;
const ASK_MS = 3_000;
const LEAST_MS = 2_000;
const AGAIN_MS = 250;
/** Longer than a branch needs to tell of an instance that was added to it. */
const GIVEN_MS = 3_000;

/** Names are unique in the cluster: a name is given to one branch under a lock, after all were asked. */
export class Claims {
  readonly #parts: ClaimsParts;
  /** Names that this branch keeps for instances that are being added to it. */
  readonly #promised = new Map<string, Kept>();
  /** Instances that were given to a branch a moment ago, so that it may not have told of them yet. */
  readonly #given = new Map<string, { readonly branch: string; readonly atMs: number }>();

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
    const { cluster } = parts;
    cluster.serve("names.ask", (args) => this.#claimed(nameOf(args)) ?? this.#hearsay(nameOf(args)));
    cluster.serve("names.promise", (args) => {
      this.#promise(nameOf(args), tokenOf(args));
      return null;
    });
    cluster.serve("names.release", (args) => {
      this.#releaseUnused(nameOf(args), tokenOf(args));
      return null;
    });
  }

  /**
   * Finds out which branch is to have a new instance, and keeps the name there; `pinned` where the caller named the branch.
   * Rejects `not-found` and `unavailable` for it, and after `timeoutMs` `unavailable` where not all that are up answer, `conflict`
   * for a name that is still being added by somebody else. Without a name it gets a UUID, about which nobody has to be asked.
   * Branches that are `unable` are not chosen.
   */
  async place(
    name: string | undefined,
    pinned: string | undefined,
    timeoutMs: number,
    unable: ReadonlySet<string> = new Set(),
  ): Promise<Placed> {
    const { cluster } = this.#parts;
    const untilMs = this.#parts.clock.now() + timeoutMs;
    await cluster.untilTried(timeoutMs);
    const isUp = cluster.busState?.is === "up";
    const isHere = (pinned ?? cluster.branchId) === cluster.branchId;
    if (!isUp && (name !== undefined || !isHere)) throw this.#away();
    if (pinned !== undefined) this.#refuseAway(pinned);
    if (name === undefined) return this.#give(crypto.randomUUID(), isUp ? pinned : cluster.branchId, unable);
    const leftMs = () => untilMs - this.#parts.clock.now();
    // The caller's time is for the worker: who does not wait for that at all still gets it stored.
    for (let forMs = Math.max(leftMs(), LEAST_MS); ; forMs = Math.max(1, leftMs())) {
      const placed = await this.#placeNamed(name, pinned, forMs).catch((error: unknown) => {
        // Soon it is gone, or answers.
        if (!isSilence(error) || leftMs() < AGAIN_MS) throw error;
        return undefined;
      });
      if (placed) return placed;
      // It is being added: soon it is there, or the name is free again.
      if (leftMs() < AGAIN_MS) throw beingAdded(name);
      await this.#parts.clock.sleep(AGAIN_MS);
    }
  }

  /** Undefined while the name is promised to another request. */
  async #placeNamed(name: string, pinned: string | undefined, timeoutMs: number): Promise<Placed | undefined> {
    const { cluster, clock } = this.#parts;
    const untilMs = clock.now() + timeoutMs;
    const askMs = () => Math.min(ASK_MS, Math.max(1, untilMs - clock.now()));
    return cluster
      .withLock(`instance ${name}`, Math.min(LOCK_MS, timeoutMs), async (lost) => {
        const holder = await this.#ask(name, askMs());
        if (holder?.claimed === "promise") return undefined;
        if (holder) return { name, branch: holder.branch, isTaken: true, token: "" };
        const placed = this.#give(name, pinned);
        try {
          await this.#keep(placed, askMs());
          if (lost.aborted) throw unavailable(`Cannot add "${name}": the bus was lost meanwhile`, { stored: false });
          return placed;
        } catch (error) {
          this.giveBack(placed);
          throw error;
        }
      })
      .catch((error: unknown) => {
        throw error instanceof CymeError ? error.withFacts({ stored: false, ...error.facts }) : error;
      });
  }

  /** The instance is being added here: the name is kept until `release`, however long that takes. */
  begin(name: string): void {
    this.#promised.set(name, { token: this.#promised.get(name)?.token ?? "", untilMs: Infinity });
  }

  /** The instance was added, or not: the name is not kept any longer. */
  release(name: string): void {
    this.#promised.delete(name);
  }

  /** The instance will not be added: the branch that was chosen need not keep its name. */
  giveBack({ name, branch, token }: Placed): void {
    const { cluster } = this.#parts;
    if (branch === cluster.branchId) this.#releaseUnused(name, token);
    else void cluster.cast("names.release", { name, token });
  }

  /**
   * The branch that has that name, by what is stored here and, where that says nothing, by what those that are up answer.
   * Branches that did not answer, and those that are away, are added to `silent` where nobody has it.
   */
  async findOwner(name: string, timeoutMs: number, silent?: Set<string>): Promise<string | undefined> {
    return this.knownOwner(name) ?? this.askOwner(name, timeoutMs, silent);
  }

  /** The branch that has that name by what is stored here. */
  knownOwner(name: string): string | undefined {
    const { cluster, owners } = this.#parts;
    const told = owners.find(name)?.branch;
    return told ?? (this.#claimed(name) === "instance" ? cluster.branchId : undefined);
  }

  /** The branch that has that name by what those that are up answer. */
  async askOwner(name: string, timeoutMs: number, silent?: Set<string>): Promise<string | undefined> {
    const { cluster } = this.#parts;
    const gathered = await cluster.gather(this.#others(), "names.ask", { name }, Math.min(ASK_MS, timeoutMs));
    const [owner] = [...gathered.answers].find(([, claimed]) => claimed === "instance") ?? [];
    if (owner !== undefined) return owner;
    const away = this.#awayWith(name, gathered.answers);
    if (away) return away.branch;
    for (const id of [...gathered.silent, ...gathered.errors.keys(), ...cluster.away]) silent?.add(id);
    return undefined;
  }

  /** Who has the name; undefined where all said that nobody has. */
  async #ask(name: string, timeoutMs: number): Promise<{ branch: string; claimed: Claimed } | undefined> {
    const { cluster } = this.#parts;
    const known = this.#awayWith(name);
    if (known) throw taken(known);
    // Itself too: who speaks but hears nothing takes all others for gone, and would find every name free.
    const asked = [...this.#others(), cluster.branchId];
    const { answers, errors, silent } = await cluster.gather(asked, "names.ask", { name }, timeoutMs);
    const mute = [...silent, ...errors.keys()];
    if (mute.length > 0) {
      const message = `Cannot tell whether "${name}" is free: no answer from ${mute.join(", ")}`;
      throw unavailable(message, { instance: name, silent: mute, stored: false });
    }
    const own = this.#claimed(name);
    const all = [...answers, ...(own === undefined ? [] : [[cluster.branchId, own] as const])];
    for (const [branch, claimed] of all) {
      if (claimed === "instance" || claimed === "promise") return { branch, claimed };
    }
    const heard = this.#awayWith(name, answers);
    if (heard) throw taken(heard);
    return undefined;
  }

  /**
   * Who has the name by what is told of branches that are away, here and in `answers`. What is told of branches that are up may
   * be old: they are asked.
   */
  #awayWith(name: string, answers: Gathered["answers"] = new Map()): Owner | undefined {
    const { cluster, owners } = this.#parts;
    for (const hearsay of answers.values()) if (factsOf(hearsay)["owners"] !== undefined) owners.take(hearsay);
    const owner = owners.find(name);
    return owner && !cluster.isUp(owner.branch) ? owner : undefined;
  }

  /** What this branch was told of a name that another one has: who asks may have come when that one was away already. */
  #hearsay(name: string): Json {
    const { store, cluster, owners } = this.#parts;
    const owner = owners.find(name);
    if (!owner || cluster.isUp(owner.branch)) return null;
    const branch = store.knownBranches.get(owner.branch);
    return rowsToJson({ owners: [owner], branches: branch ? [branch] : [] });
  }

  #claimed(name: string): Claimed | undefined {
    const { store, clock, cluster, owners } = this.#parts;
    // One whose name another branch has taken is not in the way of that.
    const isElsewhere = (owners.find(name)?.branch ?? cluster.branchId) !== cluster.branchId;
    if (!isElsewhere && store.instances.get(name)) return "instance";
    const kept = this.#promised.get(name);
    return kept !== undefined && kept.untilMs > clock.now() ? "promise" : undefined;
  }

  async #keep({ name, branch, token }: Placed, timeoutMs: number): Promise<void> {
    const { cluster } = this.#parts;
    if (branch === cluster.branchId) this.#promise(name, token);
    else await cluster.call(branch, "names.promise", { name, token }, timeoutMs);
  }

  #promise(name: string, token: string): void {
    const { clock } = this.#parts;
    for (const [other, { untilMs }] of this.#promised) if (untilMs <= clock.now()) this.#promised.delete(other);
    if (this.#claimed(name) !== undefined) throw conflict(`Instance "${name}" exists already`, { instance: name });
    this.#promised.set(name, { token, untilMs: clock.now() + PROMISE_MS });
  }

  /** Not where the request came all the same, or the name is kept for another by now. */
  #releaseUnused(name: string, token: string): void {
    const kept = this.#promised.get(name);
    if (kept?.token === token && kept.untilMs < Infinity) this.#promised.delete(name);
  }

  #give(name: string, pinned: string | undefined, unable?: ReadonlySet<string>): Placed {
    const branch = pinned ?? this.#choose(unable);
    this.#given.set(name, { branch, atMs: this.#parts.clock.now() });
    return { name, branch, isTaken: false, token: crypto.randomUUID() };
  }

  #choose(unable?: ReadonlySet<string>): string {
    const { cluster, owners, random, clock } = this.#parts;
    const counts = new Map(owners.counts());
    for (const [name, { branch, atMs }] of this.#given) {
      const isOver = clock.now() - atMs > GIVEN_MS || owners.find(name) !== undefined;
      if (isOver) this.#given.delete(name);
      else counts.set(branch, (counts.get(branch) ?? 0) + 1);
    }
    const candidates = cluster.members().flatMap(({ id, facts }) => {
      const { load } = factsOf(facts);
      if (unable?.has(id)) return [];
      return [{ id, instances: counts.get(id) ?? 0, load: typeof load === "number" ? load : 0 }];
    });
    return choose(candidates, random) ?? cluster.branchId;
  }

  #others(): string[] {
    const { cluster } = this.#parts;
    return cluster.members().flatMap(({ id }) => (id === cluster.branchId ? [] : [id]));
  }

  #refuseAway(branch: string): void {
    const { cluster } = this.#parts;
    if (cluster.isUp(branch)) return;
    if (!cluster.others.includes(branch)) throw notFound("branch", branch);
    throw unavailable(`Branch "${branch}" is away`, { branch, stored: false });
  }

  #away(): CymeError {
    const { cluster } = this.#parts;
    const why = cluster.busState?.reason ?? "this branch is not on the bus";
    const others = cluster.others.join(", ");
    const message = `Cannot add an instance while the other branches (${others}) cannot be asked whether its name is free: ${why}`;
    return unavailable(message, { stored: false });
  }
}

/** The conflict of adding a name that a branch has which cannot be asked. */
const taken = ({ name, app, branch }: Owner) =>
  conflict(`Instance "${name}" belongs to branch "${branch}", which is away`, { instance: name, app, branch });

/** A branch that is up does not answer. */
const isSilence = (error: unknown) => error instanceof CymeError && error.facts["silent"] !== undefined;

const beingAdded = (name: string) =>
  conflict(`Instance "${name}" is being added by another request: ask again`, { instance: name, stored: false });

const nameOf = (args: Json) => textOf(args, "name");
const tokenOf = (args: Json) => textOf(args, "token");

function textOf(args: Json, field: string): string {
  const { [field]: text } = factsOf(args);
  return typeof text === "string" ? text : "";
}
