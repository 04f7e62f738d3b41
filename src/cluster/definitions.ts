import type { Json, Member } from "../bus/bus.ts";
import type { Definition, DefinitionId } from "../domain/definition.ts";
import { CymeError, conflict } from "../domain/errors.ts";
import { joined } from "../domain/failures.ts";
import { horizonAt } from "../domain/version.ts";
import { Absence } from "./absence.ts";
import { HEAR_AGAIN_MS, toHear, type Seen } from "./arrival.ts";
import { factsOf, isReady } from "./cluster.ts";
import { DefinitionExchange, METHODS, type Authority, type ExchangeParts } from "./definition-exchange.ts";
import { definitionToJson, lineToJson } from "./definition-json.ts";
import { DefinitionLines, newerThan } from "./definition-lines.ts";
import { Fruitless } from "./fruitless.ts";
import { Differences } from "./peer.ts";
import type { SpreadOptions, Spreading } from "./spreading.ts";

/** Takes definitions of other branches over, with all that follows for the instances of this branch. */
export interface Taker {
  /** Takes what is newer than what is known. */
  take(definitions: readonly Definition[]): Taken;
  /** Takes them all, and drops every definition that is not among `kept`. */
  takeInstead(definitions: readonly Definition[], kept: readonly DefinitionId[]): Taken;
}

/** What was taken over is stored, and what follows has begun. */
export interface Taken {
  /** Resolves when it is done, rejects as the same change by a user does. */
  untilDone(options: { readonly nowait: boolean; readonly timeoutMs: number }): Promise<void>;
}

export interface DefinitionsParts extends ExchangeParts {
  readonly taker: Taker;
}

/** How often what the others have is compared with what this branch has. */
const LOOK_MS = 3_000;
/** Kept from a caller's time for the answer to come back. */
const RETURN_MS = 500;

/** What may come of another branch's instances that is so for the caller as well. */
const TOLD_TO_CALLER: readonly string[] = ["timeout", "conflict", "worker-failed", "unavailable"];

/**
 * Apps and queues are wanted on every branch. A change is told to everybody at once (`spread`). What somebody did not hear is
 * found by comparing: each branch tells a digest of all that it has, and two that differ exchange what the other lacks. So a
 * lost message costs time, not correctness, and a branch that comes back needs nothing else. One that is stale (see Absence)
 * takes over what the others have, and until then tells no digest, so that nobody takes anything from it.
 */
export class Definitions implements Spreading {
  readonly #parts: DefinitionsParts;
  readonly #lines: DefinitionLines;
  readonly #absence: Absence;
  readonly #exchange: DefinitionExchange;
  #isLooking = false;
  #isStopped = false;
  #cancelLook = () => {};
  readonly #differences = new Differences();
  /** Branches that were met, and not compared with yet. */
  readonly #met = new Set<string>();
  /** Branches that this one agreed with since it is on the bus. */
  readonly #agreedWith = new Set<string>();
  readonly #fruitless: Fruitless;

  constructor(parts: DefinitionsParts) {
    const { cluster, store, clock } = parts;
    this.#parts = parts;
    this.#lines = new DefinitionLines(store, clock);
    this.#absence = new Absence(store, clock);
    this.#exchange = new DefinitionExchange(parts);
    this.#fruitless = new Fruitless(clock);
    cluster.tell(() => ({ definitions: this.#toldDigest }));
    cluster.serve(METHODS.put, (args, from) => this.#put(args, from));
    cluster.serve(METHODS.compare, (args, from) => this.#compare(args, from));
    cluster.serve(METHODS.get, (args) => this.#exchange.answer(args));
    cluster.onMember((change, member) => {
      if (change === "joined") this.#onJoined(member);
    });
    cluster.arrival.expect("definitions");
    cluster.onState(({ is }) => {
      this.#agreedWith.clear();
      if (is === "up") this.#lookIn(0);
      else this.#absence.leave();
    });
  }

  /** Begins to compare. */
  start(): void {
    this.#lookIn(LOOK_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook();
  }

  /** Equal on branches that have the same definitions and remember the same deletions. */
  get digest(): string {
    return this.#lines.digest;
  }

  /** From now on this branch is a stranger to the others: it drops what they do not have, and takes over what they have. */
  takeState(): void {
    this.#absence.estrange();
    this.#parts.cluster.arrival.expect("definitions");
    this.#lookIn(0);
  }

  async spread(changed: readonly DefinitionId[], options: SpreadOptions): Promise<void> {
    const { cluster, store } = this.#parts;
    if (cluster.isAlone) return;
    const definitions = changed.flatMap((id) => store.definition(id) ?? []).map(definitionToJson);
    if (options.nowait) return cluster.cast(METHODS.put, { definitions });
    const { others } = cluster;
    const members = new Set(cluster.members().map(({ id }) => id));
    const up = others.filter((id) => members.has(id));
    const args = { definitions, wait_ms: Math.max(0, options.timeoutMs - RETURN_MS) };
    const { errors, silent } = await cluster.gather(up, METHODS.put, args, options.timeoutMs);
    for (const id of others) if (silent.includes(id) || !up.includes(id)) options.silent?.add(id);
    const failure = joined([...errors].flatMap(([branch, error]) => this.#judge(branch, error, options) ?? []));
    if (failure) throw failure;
  }

  /** What is so for the caller as well. */
  #judge(branch: string, error: CymeError, { silent }: SpreadOptions): CymeError | undefined {
    if (TOLD_TO_CALLER.includes(error.code)) return error.withFacts({ branch, stored: true });
    silent?.add(branch);
    this.#parts.log.warning("a branch did not take a change over", { branch, error });
    return undefined;
  }

  // --- what other branches ask for ---

  async #put(args: Json, from: string): Promise<Json> {
    // What it brings was given up; first it is to take over what there is.
    if (this.#isForgotten(from)) throw conflict(`Branch "${from}" was forgotten by the cluster`, { branch: from });
    const { definitions, wait_ms: waitMs } = factsOf(args);
    const taken = this.#parts.taker.take(this.#exchange.read(definitions, from));
    if (typeof waitMs === "number") await taken.untilDone({ nowait: false, timeoutMs: waitMs });
    return {};
  }

  #compare(args: Json, from: string): Json {
    const { isStale } = this.#absence;
    const isSame = !isStale && factsOf(args)["digest"] === this.digest;
    const lines = isSame ? [] : this.#lines.all().map(lineToJson);
    return { is_same: isSame, is_stale: isStale, authority: this.#authorityFor(from), lines };
  }

  #authorityFor(asker: string): Authority {
    const { isMember, hasAgreed } = this.#absence;
    if (!isMember) return "none";
    // Somebody else may know what happened while this branch was not there.
    const isToAgree = this.#otherMembers().some((member) => member.id !== asker && digestOf(member) !== undefined);
    return hasAgreed || !isToAgree ? "full" : "soon";
  }

  get #toldDigest(): string | null {
    return this.#absence.isStale ? null : this.digest;
  }

  // --- comparing ---

  /** Of two branches that meet, the one that started later comes to the other, and should not have to wait. */
  #onJoined({ startedAtMs, id }: Member): void {
    const { cluster } = this.#parts;
    const self = cluster.members().find((member) => member.id === cluster.branchId);
    if (!self || self.startedAtMs < startedAtMs || (self.startedAtMs === startedAtMs && self.id < id)) return;
    this.#met.add(id);
    this.#lookIn(0);
  }

  #lookIn(ms: number): void {
    if (this.#isStopped) return;
    this.#cancelLook();
    this.#cancelLook = this.#parts.clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return this.#lookIn(LOOK_MS);
    this.#isLooking = true;
    try {
      await this.#lookAt(this.#otherMembers());
    } catch (error) {
      // The next look tries again.
      if (!this.#isStopped) this.#parts.log.error("definitions cannot be compared", { error });
    }
    this.#isLooking = false;
    this.#lookIn(this.#isArriving ? HEAR_AGAIN_MS : LOOK_MS);
  }

  get #isArriving(): boolean {
    const { cluster } = this.#parts;
    return cluster.busState?.is === "up" && cluster.arrival.isMissing("definitions");
  }

  async #lookAt(members: readonly Member[]): Promise<void> {
    this.#forgetOld();
    const wasStale = this.#absence.isStale;
    if (wasStale && members.length > 0) await this.#catchUp(members);
    if (members.length === 0 || !this.#absence.isStale) await this.#arrive();
    if (!wasStale) await this.#agreeWith(members);
    if (this.#isStopped || this.#parts.cluster.busState?.is !== "up") return;
    const own = this.digest;
    if (!this.#absence.isStale && members.some((member) => digestOf(member) === own)) this.#absence.agree();
    this.#absence.present();
  }

  /** Having come to the bus, agrees with those that know what there is. */
  async #arrive(): Promise<void> {
    const { cluster } = this.#parts;
    const asked = new Set<string>();
    while (this.#isArriving && !this.#isStopped) {
      const { isOver, from } = toHear(this.digest, this.#tellers(), this.#agreedWith, cluster.hasSeenAll);
      if (isOver) return cluster.arrival.heard("definitions");
      const next = from.find(({ id }) => !asked.has(id));
      if (next?.digest === undefined) return;
      asked.add(next.id);
      await this.#tryAgree(next.id, next.digest);
    }
  }

  /** Other branches that tell what they have. */
  #tellers(): Seen[] {
    const { arrival } = this.#parts.cluster;
    return this.#otherMembers().flatMap((member) => {
      const { id, heardMs } = member;
      const digest = digestOf(member);
      const seen = { id, digest, heardMs, isReady: isReady(member), isFresh: arrival.isFresh(member) };
      return digest === undefined ? [] : [seen];
    });
  }

  /** Exchanges with those that differ for longer than what is on its way to one of them takes, and with who just came. */
  async #agreeWith(members: readonly Member[]): Promise<void> {
    const met = new Set(this.#met);
    this.#met.clear();
    const told = members.map((member) => ({ id: member.id, digest: digestOf(member), heardMs: member.heardMs }));
    const own = this.digest;
    const lasting = new Set(this.#differences.lasting(own, told).map(({ id }) => id));
    for (const { id, digest: theirs } of told) {
      // After an exchange it is another one, from which the rest has not differed for long.
      if (theirs === undefined || theirs === this.digest || this.#isStopped) continue;
      const isDue = met.has(id) || (lasting.has(id) && this.digest === own);
      if (isDue && !this.#fruitless.has(id, this.digest, theirs)) await this.#tryAgree(id, theirs);
    }
  }

  async #tryAgree(peer: string, theirs: string): Promise<void> {
    const own = this.digest;
    try {
      await this.#agree(peer);
      this.#agreedWith.add(peer);
      this.#fruitless.exchanged(peer, own, theirs);
    } catch (error) {
      this.#met.add(peer);
      this.#tellUnreachable(peer, error);
    }
  }

  async #agree(peer: string): Promise<void> {
    const { cluster, log, taker } = this.#parts;
    const theirs = await this.#exchange.compare(peer, this.digest);
    if (theirs.isStale) return;
    if (theirs.isSame) return this.#absence.agree();
    const own = this.#lines.all();
    const wanted = newerThan(own, theirs.lines);
    const offered = newerThan(theirs.lines, own);
    const got = await this.#exchange.fetch(peer, wanted);
    if (this.#isStopped) return;
    taker.take(got);
    await this.#exchange.offer(peer, offered);
    // Also where a difference stays that no exchange can end.
    this.#absence.agree();
    log.info("definitions exchanged", { branch: peer, taken: got.length, given: offered.length });
    cluster.announce();
  }

  /** Takes over the state of the first that speaks for the cluster; where none ever will, nobody knows better, and all is kept. */
  async #catchUp(members: readonly Member[]): Promise<void> {
    let isToWait = false;
    for (const { id } of members) {
      try {
        const authority = await this.#takeStateOf(id);
        if (this.#isStopped) return;
        if (authority === "full") return this.#caughtUp();
        isToWait ||= authority === "soon";
      } catch (error) {
        // Perhaps it would have been the one.
        return this.#tellUnreachable(id, error);
      }
    }
    if (!isToWait) this.#caughtUp();
  }

  #caughtUp(): void {
    this.#absence.end();
    this.#parts.cluster.announce();
  }

  /** Whether it has one to give. */
  async #takeStateOf(peer: string): Promise<Authority> {
    const { authority, lines } = await this.#exchange.compare(peer, null);
    if (authority !== "full") return authority;
    const got = await this.#exchange.fetch(peer, lines);
    if (this.#isStopped) return authority;
    const message = "this branch was away for too long, or was forgotten: it takes over the definitions of the others";
    this.#parts.log.warning(message, { branch: peer, definitions: got.length });
    this.#parts.taker.takeInstead(got, lines);
    this.#absence.agree();
    this.#agreedWith.add(peer);
    return authority;
  }

  /** Throws what is no matter of the way to another branch. */
  #tellUnreachable(branch: string, error: unknown): void {
    if (!(error instanceof CymeError)) throw error;
    if (!this.#isStopped) this.#parts.log.info("definitions cannot be exchanged now", { branch, error });
  }

  #otherMembers(): Member[] {
    const { cluster } = this.#parts;
    return cluster.members().filter(({ id }) => id !== cluster.branchId && !this.#isForgotten(id));
  }

  #isForgotten(id: string): boolean {
    return this.#parts.store.knownBranches.get(id)?.isForgotten ?? false;
  }

  #forgetOld(): void {
    const { store, clock } = this.#parts;
    const horizon = horizonAt(clock.now());
    if (store.definitions.hasDeletedBefore(horizon)) store.write(() => store.definitions.forgetDeletedBefore(horizon));
  }
}

/** What a branch tells of what it has; undefined while it is stale, or from before there were digests. */
function digestOf({ facts }: Member): string | undefined {
  const { definitions } = factsOf(facts);
  return typeof definitions === "string" ? definitions : undefined;
}
