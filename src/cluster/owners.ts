import type { Json } from "../bus/bus.ts";
import { notFound, unavailable, conflict } from "../domain/errors.ts";
import { horizonAt, nextVersion, versionOfHearsay, type Version } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Owner } from "../store/owners.ts";
import type { Store } from "../store/store.ts";
import { HEAR_AGAIN_MS, toHear, type Seen } from "./arrival.ts";
import { factsOf, isReady, type Cluster } from "./cluster.ts";
import { Fruitless } from "./fruitless.ts";
import { choosePeer, choosePeerToMeet, Differences, oneOfMost, type Told } from "./peer.ts";
import { rowsFromJson, rowsToJson, type BranchRow, type Rows } from "./rows.ts";

export interface OwnersParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly cluster: Cluster;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What one message of an exchange tells of; `to` is the last name that it covers, undefined for all. */
interface Part extends Rows {
  readonly to: string | undefined;
}

/** How often what this branch has is compared with what is told of it, and what others know with what is known here. */
const LOOK_MS = 2_000;
const EXCHANGE_MS = 10_000;
/** Rows of one message, so that it stays far below the bus's limit. */
const PART_ROWS = 2_000;
/** Within this time a branch that comes has heard of all that are there. */
const MEET_MS = 200;
const PRUNE_MS = 3_600_000;

/**
 * Which branch has which instance, of all branches, also of those that are away: each branch tells what it has, keeps what it
 * was told, and when what two of them know differs they exchange it. Of two rows for one name the newer counts.
 */
export class Owners {
  readonly #parts: OwnersParts;
  #onLost: (name: string, to: string) => void = () => {};
  #onForgotten: () => void = () => {};
  #isArriving: (name: string) => boolean = () => false;
  readonly #differences = new Differences();
  readonly #fruitless: Fruitless;
  #isExchanging = false;
  /** Branches that have come, or that this one has come to, a moment ago. */
  #joined = new Set<string>();
  #cancelMeet = () => {};
  /** Who was heard since this branch is on the bus, and who was asked in vain. */
  readonly #heardFrom = new Set<string>();
  readonly #unheard = new Set<string>();
  #cancelHear = () => {};
  #digest: { readonly revision: number; readonly of: string; readonly value: string } | undefined;
  #cancel = () => {};
  #pruneAtMs = 0;
  #isStopped = false;

  constructor(parts: OwnersParts) {
    this.#parts = parts;
    this.#fruitless = new Fruitless(parts.clock);
    const { cluster } = parts;
    cluster.tell(() => ({ names: this.digest() }));
    cluster.serve("names.changed", (args) => {
      this.#apply(rowsFromJson(args));
      return null;
    });
    cluster.serve("names.exchange", (args) => this.#answer(args));
    cluster.arrival.expect("names");
    cluster.onState(({ is }) => {
      this.#cancelHear();
      this.#heardFrom.clear();
      this.#unheard.clear();
      if (is === "up") this.#hearIn(0);
    });
    cluster.onMember((change, member) => {
      if (change === "joined") this.#meetSoon(member.id);
    });
  }

  /** Called with a name of this branch that another branch has taken meanwhile. */
  onLost(listener: (name: string, to: string) => void): void {
    this.#onLost = listener;
  }

  /** Called when the cluster has forgotten this branch, which comes back to it as a stranger. */
  onForgotten(listener: () => void): void {
    this.#onForgotten = listener;
  }

  /** `isArriving` says which instances are still another branch's: who has them come claims their names, when that lets go. */
  heedArriving(isArriving: (name: string) => boolean): void {
    this.#isArriving = isArriving;
  }

  start(): void {
    this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
    this.#cancelMeet();
    this.#cancelHear();
  }

  /** Who has that name, as far as this branch knows; undefined where nobody has. */
  find(name: string): Owner | undefined {
    const owner = this.#parts.store.owners.get(name);
    return owner && !owner.isDeleted ? owner : undefined;
  }

  /** How many instances each branch has. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { branch, isDeleted } of this.#parts.store.owners.all()) {
      if (!isDeleted) counts.set(branch, (counts.get(branch) ?? 0) + 1);
    }
    return counts;
  }

  /** Writes down that this branch has that name; to be told by `tell` after the transaction. */
  claim(name: string, app: string): Owner {
    return this.#write({ name, app, branch: this.#parts.cluster.branchId, isDeleted: false });
  }

  /** Takes what another branch answered with; one that is no newer than what is known changes nothing. */
  take(told: Json): void {
    this.#apply(rowsFromJson(told));
  }

  /** Tells the other branches what was changed here. */
  async tell(changed: readonly Owner[], branches: readonly BranchRow[] = []): Promise<void> {
    if (branches.length > 0) await this.#parts.cluster.cast("names.changed", rowsToJson({ owners: [], branches }));
    for (let at = 0; at < changed.length; at += PART_ROWS) {
      const owners = changed.slice(at, at + PART_ROWS);
      await this.#parts.cluster.cast("names.changed", rowsToJson({ owners, branches: [] }));
    }
  }

  /** Brings what is told of this branch in line with the instances that it has; resolves when it was told, and never rejects. */
  refresh(): Promise<void> {
    const { store, cluster, log } = this.#parts;
    const self = cluster.branchId;
    const places = store.instances.places();
    const own = new Map(places.map(({ name, app }) => [name, app]));
    const told = store.owners.ofBranch(self);
    const isTold = new Set(told.filter(({ name, app }) => own.get(name) === app).map(({ name }) => name));
    const gone = told.filter(({ name }) => !own.has(name));
    // What is being deleted and was never told of, as a copy that did not come up, is nobody's matter.
    const untold = places.filter(({ name, isDeleted }) => !isTold.has(name) && !isDeleted);
    const lost: [string, string][] = [];
    const changed =
      gone.length === 0 && untold.length === 0
        ? []
        : store.write(() => {
            const rows = gone.map((owner) => this.#write({ ...owner, isDeleted: true }));
            for (const { name, app } of untold) {
              const owner = this.find(name);
              if (owner && owner.branch !== self) lost.push([name, owner.branch]);
              else if (!this.#isArriving(name)) rows.push(this.claim(name, app));
            }
            return rows;
          });
    const isKnown = this.tell(changed);
    for (const [name, to] of lost) {
      try {
        this.#onLost(name, to);
      } catch (error) {
        log.error("an instance whose name another branch has cannot be disabled", { instance: name, error });
      }
    }
    return isKnown;
  }

  /** Removes a branch that is away, with all that it owns; gives the names of its instances, sorted. */
  async forget(id: string): Promise<string[]> {
    const { store, cluster, clock, log } = this.#parts;
    if (cluster.isUp(id)) {
      throw conflict(`Branch "${id}" is up: only a branch that is away can be forgotten`, { branch: id });
    }
    if (!cluster.others.includes(id)) throw notFound("branch", id);
    const state = cluster.busState;
    if (state?.is !== "up") {
      const why = state?.reason ?? "this branch is not on the bus";
      throw unavailable(`Cannot tell whether branch "${id}" is away: ${why}`, { branch: id, stored: false });
    }
    const { names, owners, row } = store.write(() => {
      const known = store.knownBranches.get(id);
      const version = store.nextVersion(clock.now());
      const forgotten = { url: null, lastSeenAtMs: null, ...known, id, isForgotten: true, version };
      store.knownBranches.put(forgotten);
      const owned = store.owners.ofBranch(id);
      return {
        row: forgotten,
        names: owned.map(({ name }) => name).toSorted(),
        owners: owned.map((owner) => this.#write({ ...owner, isDeleted: true })),
      };
    });
    cluster.reload();
    log.warning("a branch was forgotten", { branch: id, instances: owners.length });
    await this.tell(owners, [row]);
    return names;
  }

  /** Says in a few characters what is known here, to be compared with what others know. */
  digest(): string {
    const { store, cluster } = this.#parts;
    const { revision } = store.owners;
    const others = [cluster.branchId, ...cluster.others].toSorted().join(" ");
    const of = `${this.#horizon} ${others}`;
    if (this.#digest?.revision !== revision || this.#digest.of !== of) {
      const rows = this.#remembered(store.owners.all()).map(({ name, version }) => `${name} ${version}`);
      this.#digest = { revision, of, value: Bun.hash([others, ...rows].join("\n")).toString(36) };
    }
    return this.#digest.value;
  }

  #look(): void {
    const { store, clock, log } = this.#parts;
    try {
      void this.refresh();
      this.#compare();
      if (clock.now() >= this.#pruneAtMs) {
        this.#pruneAtMs = clock.now() + PRUNE_MS;
        store.write(() => store.owners.forgetDeletedBefore(this.#horizon));
      }
    } catch (error) {
      log.error("the names of this branch cannot be told", { error });
    }
    if (!this.#isStopped) this.#cancel = clock.after(LOOK_MS, () => this.#look());
  }

  /** Exchanges what is known with one of those who know something else for longer than what is on its way takes. */
  #compare(): void {
    const own = this.digest();
    const others = this.#others();
    const lasting = this.#differences.lasting(own, others);
    const due = lasting.filter(({ id, digest }) => digest !== undefined && !this.#fruitless.has(id, own, digest));
    const peer = choosePeer(own, others, due, this.#parts.random);
    if (peer) void this.#exchange(peer);
  }

  #meetSoon(id: string): void {
    const isSoon = this.#joined.size > 0;
    this.#joined.add(id);
    if (!isSoon) this.#cancelMeet = this.#parts.clock.after(MEET_MS, () => this.#meet());
  }

  /** To whom most others are new, has itself come to them, and asks one of them. */
  #meet(): void {
    const others = this.#others();
    const hasCome = this.#joined.size * 2 > others.length;
    this.#joined.clear();
    const peer = hasCome ? choosePeerToMeet(this.digest(), others, this.#parts.random) : undefined;
    if (peer) void this.#exchange(peer);
  }

  #others(): Seen[] {
    const { cluster } = this.#parts;
    return cluster.members().flatMap((member) => {
      const { id, facts, heardMs } = member;
      const { names } = factsOf(facts);
      const digest = typeof names === "string" ? names : undefined;
      const seen = { id, digest, heardMs, isReady: isReady(member), isFresh: cluster.arrival.isFresh(member) };
      return id === cluster.branchId ? [] : [seen];
    });
  }

  #hearIn(ms: number): void {
    this.#cancelHear();
    if (!this.#isStopped) this.#cancelHear = this.#parts.clock.after(ms, () => void this.#hear());
  }

  /** Having come to the bus, asks until it knows what is known there. */
  async #hear(): Promise<void> {
    const { cluster, log } = this.#parts;
    try {
      if (cluster.busState?.is !== "up" || !cluster.arrival.isMissing("names")) return;
      const others = this.#others();
      const { isOver, from } = toHear(this.digest(), others, this.#heardFrom, cluster.hasSeenAll);
      if (isOver) return this.#hasHeard();
      const peer = oneOfMost(
        from.filter(({ id }) => !this.#unheard.has(id)),
        others,
        this.#parts.random,
      );
      if (!peer) this.#unheard.clear();
      else if (await this.#exchange(peer)) return this.#hearIn(0);
      else this.#unheard.add(peer.id);
    } catch (error) {
      log.error("what the others know of names cannot be asked", { error });
    }
    this.#hearIn(HEAR_AGAIN_MS);
  }

  #hasHeard(): void {
    this.#joined.clear();
    this.#cancelMeet();
    this.#parts.cluster.arrival.heard("names");
  }

  /** Whether it was done. */
  async #exchange({ id, digest: theirs }: Told): Promise<boolean> {
    const { cluster, log } = this.#parts;
    if (this.#isExchanging || this.#isStopped) return false;
    this.#isExchanging = true;
    try {
      const own = this.digest();
      const isShared = this.#others().some(({ digest }) => digest === own);
      const taken = await this.#exchangeParts(id);
      this.#heardFrom.add(id);
      // What this branch lacked, those lack too that knew the same.
      if (isShared) void this.tell(taken.owners, taken.branches);
      if (theirs !== undefined) this.#fruitless.exchanged(id, own, theirs);
      cluster.announce();
      return true;
    } catch (error) {
      log.info("the names of another branch cannot be had now", { branch: id, error });
      return false;
    } finally {
      this.#isExchanging = false;
    }
  }

  /** In parts, by the order of names: each goes as far as both sides can tell of in one message. Gives what was news. */
  async #exchangeParts(peer: string): Promise<Rows> {
    const { cluster } = this.#parts;
    const owners: Owner[] = [];
    const branches: BranchRow[] = [];
    let after: string | undefined = "";
    while (after !== undefined && !this.#isStopped) {
      const part: Part = this.#part(after, undefined);
      const asked = { ...rowsToJson(part), after, ...(part.to !== undefined && { to: part.to }) };
      const answer = await cluster.call(peer, "names.exchange", asked, EXCHANGE_MS);
      const taken = this.#apply(rowsFromJson(answer));
      owners.push(...taken.owners);
      branches.push(...taken.branches);
      const { to } = factsOf(answer);
      after = typeof to === "string" && to > after ? to : part.to;
    }
    return { owners, branches };
  }

  /** The other side of it: what the one that asks lacks. */
  #answer(args: Json): Json {
    const { after, to: upTo } = factsOf(args);
    const theirs = rowsFromJson(args);
    const { owners, branches, to } = this.#part(
      typeof after === "string" ? after : "",
      typeof upTo === "string" ? upTo : undefined,
    );
    const versions = new Map(theirs.owners.map(({ name, version }) => [name, version]));
    const lacked = owners.filter(({ name, version }) => version > (versions.get(name) ?? ""));
    const taken = this.#apply(theirs);
    // The others will lack it too.
    void this.tell(taken.owners, taken.branches);
    return { ...rowsToJson({ owners: lacked, branches }), ...(to !== undefined && { to }) };
  }

  /** As much as one message holds of what is known of names after `after`, at most up to `upTo`; the first tells of branches too. */
  #part(after: string, upTo: string | undefined): Part {
    const rows = this.#parts.store.owners.between(after, upTo, PART_ROWS);
    const to = rows.length < PART_ROWS ? upTo : rows.at(-1)?.name;
    return { owners: this.#remembered(rows), branches: after === "" ? this.#branches() : [], to };
  }

  #branches(): BranchRow[] {
    const { store, cluster } = this.#parts;
    const others = store.knownBranches.all().filter(({ id }) => id !== cluster.branchId);
    return [...others, this.#ownRow()];
  }

  /** Without deletions that are forgotten. */
  #remembered(rows: readonly Owner[]): Owner[] {
    const horizon = this.#horizon;
    return rows.filter(({ isDeleted, version }) => !isDeleted || version >= horizon);
  }

  get #horizon(): Version {
    return horizonAt(this.#parts.clock.now());
  }

  /** What this branch tells of itself: once it was forgotten, also when it came back. */
  #ownRow(): BranchRow {
    const { store, cluster } = this.#parts;
    const row = store.knownBranches.get(cluster.branchId);
    if (row && !row.isForgotten) return row;
    const id = cluster.branchId;
    return { id, url: null, isForgotten: false, version: versionOfHearsay(id) };
  }

  /** Keeps what another branch told where it is newer, and gives what was kept. */
  #apply({ owners, branches }: Rows): Rows {
    const { store, cluster } = this.#parts;
    const horizon = this.#horizon;
    const known = branches.filter(({ id }) => id !== cluster.branchId);
    const taken = store.write(() => ({
      branches: known.filter((row) => this.#applyBranch(row)),
      owners: owners.filter((owner) => {
        const isOld = owner.isDeleted ? owner.version < horizon : this.#isForgotten(owner);
        return !isOld && store.owners.putNewer(owner);
      }),
    }));
    cluster.reload();
    const forgotten = branches.find(({ id, isForgotten }) => id === cluster.branchId && isForgotten);
    // Who did not hear that it came back still tells of it.
    if (forgotten && forgotten.version > this.#ownRow().version) this.#comeBack(forgotten);
    void this.refresh();
    return taken;
  }

  /** Whether it was news. */
  #applyBranch({ id, url, isForgotten, version }: BranchRow): boolean {
    const { store } = this.#parts;
    const row = store.knownBranches.get(id);
    if (row && row.version >= version) return false;
    const lastSeenAtMs = row?.lastSeenAtMs ?? null;
    store.knownBranches.put({ id, url: url ?? row?.url ?? null, isForgotten, version, lastSeenAtMs });
    if (!isForgotten) return !row || row.isForgotten;
    for (const owner of store.owners.ofBranch(id)) {
      if (owner.version < version) store.owners.put({ ...owner, isDeleted: true, version });
    }
    return true;
  }

  /** Whether it went with its branch, of which somebody may tell who was away all the time. */
  #isForgotten({ branch, version }: Owner): boolean {
    const known = this.#parts.store.knownBranches.get(branch);
    return known !== undefined && known.isForgotten && version < known.version;
  }

  /** The cluster has forgotten this branch: it tells that it is there again. What it owned it claims anew, where it is free. */
  #comeBack({ id, version }: BranchRow): void {
    const { store, clock, log } = this.#parts;
    log.warning("this branch was forgotten by the others while it was away: it comes back as a new one");
    this.#onForgotten();
    const row = { id, url: null, isForgotten: false, version: nextVersion(version, clock.now(), id) };
    // Kept, so that it comes back once, however late somebody hears of it.
    store.write(() => {
      store.knownBranches.put({ ...row, lastSeenAtMs: null });
      store.earlyInstances.clear();
    });
    void this.tell([], [row]);
  }

  #write(owner: Omit<Owner, "version">): Owner {
    const { store, clock } = this.#parts;
    const version = store.nextVersion(clock.now());
    const { name, app, branch, isDeleted } = owner;
    const row = { name, app, branch, isDeleted, version };
    store.owners.put(row);
    return row;
  }
}
