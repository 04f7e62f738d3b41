import type { Json, Member } from "../bus/bus.ts";
import { inOrder, type Definition, type DefinitionId } from "../domain/definition.ts";
import { CymeError, conflict } from "../domain/errors.ts";
import { REMEMBERED_MS, horizonAt, parseVersion, type Version } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Store } from "../store/store.ts";
import { factsOf, type Cluster } from "./cluster.ts";
import {
  definitionFromJson,
  definitionToJson,
  idFromJson,
  idToJson,
  lineFromJson,
  lineToJson,
  type DefinitionLine,
} from "./definition-json.ts";
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

export interface DefinitionsParts {
  readonly cluster: Cluster;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly taker: Taker;
}

/** How often what the others have is compared with what this branch has. */
const LOOK_MS = 3_000;
const CALL_MS = 10_000;
/** Kept from a caller's time for the answer to come back. */
const RETURN_MS = 500;
/** After an exchange that left a difference, which needs somebody's help, such as an upgrade. */
const FRUITLESS_MS = 60_000;
const TOGETHER_NOTED_MS = 10 * 60_000;
/** Definitions of one message, so that it stays far below the bus's limit. */
const MESSAGE_BYTES = 1_000_000;
const SKEW_MS = 60_000;

const PUT = "definitions.put";
const COMPARE = "definitions.compare";
const GET = "definitions.get";

/** What ended the wait for another branch's instances, and is so for the caller as well. */
const TOLD_TO_CALLER: readonly string[] = ["timeout", "conflict", "worker-failed", "unavailable"];

/**
 * Apps and queues are wanted on every branch. A change is told to everybody at once (`spread`). What somebody did not hear is
 * found by comparing: each branch tells a digest of all that it has, and two that differ exchange what the other lacks. So a
 * lost message costs time, not correctness, and a branch that comes back needs nothing else.
 *
 * A branch that was away for longer than deletions are remembered cannot tell what is new from what was deleted meanwhile: it
 * is `stale`, and takes over what the others have.
 */
export class Definitions implements Spreading {
  readonly #parts: DefinitionsParts;
  /** When this branch was last on the bus as one of several; undefined where it never was. */
  #togetherMs: number | undefined;
  #isLooking = false;
  #isStopped = false;
  #cancelLook = () => {};
  #digest: { readonly revision: number; readonly horizon: Version; readonly value: string } | undefined;
  /** By branch: the two digests that differed when last looked at. */
  #differed = new Map<string, string>();
  /** By branch: the two digests that an exchange could not make equal, and until when it is not tried again. */
  readonly #fruitless = new Map<string, { readonly pair: string; readonly untilMs: number }>();
  /** What was logged once already. */
  readonly #told = new Set<string>();

  constructor(parts: DefinitionsParts) {
    this.#parts = parts;
    const { cluster, store } = parts;
    const togetherAt = store.settings.get("together_at");
    this.#togetherMs = togetherAt === undefined ? undefined : Number(togetherAt);
    cluster.tell(() => ({ definitions: this.#isStale ? null : this.digest }));
    cluster.serve(PUT, (args, from) => this.#put(args, from));
    cluster.serve(COMPARE, (args) => this.#compare(args));
    cluster.serve(GET, (args) => this.#get(args));
    cluster.onMember((change, member) => {
      if (change === "joined") this.#onJoined(member);
    });
    cluster.onState(({ is }) => {
      if (is === "up") this.#lookIn(0);
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
    const { store, clock } = this.#parts;
    const { revision } = store.definitions;
    const horizon = horizonAt(clock.now());
    if (this.#digest?.revision !== revision || this.#digest.horizon !== horizon) {
      const hash = new Bun.CryptoHasher("sha256");
      for (const line of this.#lines()) hash.update(`${JSON.stringify(lineToJson(line))}\n`);
      this.#digest = { revision, horizon, value: hash.digest("hex").slice(0, 32) };
    }
    return this.#digest.value;
  }

  get #isStale(): boolean {
    return this.#togetherMs !== undefined && this.#parts.clock.now() - this.#togetherMs > REMEMBERED_MS;
  }

  /** Whether what this branch has is the cluster's state: one that never agreed with another cannot say so. */
  get #isAuthority(): boolean {
    return this.#togetherMs !== undefined && !this.#isStale;
  }

  /** From now on this branch is a stranger to the others: it drops what they do not have, and takes over what they have. */
  takeState(): void {
    this.#writeTogether(0);
    this.#lookIn(0);
  }

  async spread(changed: readonly DefinitionId[], options: SpreadOptions): Promise<void> {
    const { cluster, store } = this.#parts;
    if (cluster.isAlone) return;
    const known = changed.flatMap((id) => store.definition(id) ?? []);
    const definitions = known.map(definitionToJson);
    if (options.nowait) return cluster.cast(PUT, { definitions });
    const waitMs = Math.max(0, options.timeoutMs - RETURN_MS);
    const { others } = cluster;
    const { errors, silent } = await cluster.gather(
      others.filter((id) => cluster.isUp(id)),
      PUT,
      { definitions, wait_ms: waitMs },
      options.timeoutMs,
    );
    const away = others.filter((id) => !cluster.isUp(id));
    for (const id of [...silent, ...away]) options.silent?.add(id);
    for (const [branch, error] of errors) {
      if (TOLD_TO_CALLER.includes(error.code)) throw error.withFacts({ branch, stored: true });
      options.silent?.add(branch);
      this.#parts.log.warning("a branch did not take a change over", { branch, error });
    }
  }

  // --- what other branches ask for ---

  async #put(args: Json, from: string): Promise<Json> {
    this.#refuseForgotten(from);
    const { definitions, wait_ms: waitMs } = factsOf(args);
    const taken = this.#parts.taker.take(this.#readable(definitions, from));
    if (typeof waitMs === "number") await taken.untilDone({ nowait: false, timeoutMs: waitMs });
    return {};
  }

  #compare(args: Json): Json {
    const isSame = !this.#isStale && factsOf(args)["digest"] === this.digest;
    return {
      is_same: isSame,
      is_stale: this.#isStale,
      is_authority: this.#isAuthority,
      lines: isSame ? [] : this.#lines().map(lineToJson),
    };
  }

  /** As many of them as one message holds, at least one. */
  #get(args: Json): Json {
    const { ids } = factsOf(args);
    const definitions: Json[] = [];
    let bytes = 0;
    for (const id of listOf(ids)) {
      const definition = this.#parts.store.definition(idFromJson(id));
      if (!definition) continue;
      const json = definitionToJson(definition);
      bytes += Buffer.byteLength(JSON.stringify(json));
      if (definitions.length > 0 && bytes > MESSAGE_BYTES) break;
      definitions.push(json);
    }
    return { definitions };
  }

  /** What a forgotten branch brings was given up; first it is to take over what there is. */
  #refuseForgotten(from: string): void {
    if (!this.#parts.store.knownBranches.get(from)?.isForgotten) return;
    throw conflict(`Branch "${from}" was forgotten: it has to take over what the others have first`, { branch: from });
  }

  // --- comparing ---

  /** Of two branches that meet, the one that started later comes to the other, and should not have to wait. */
  #onJoined({ startedAtMs, id }: Member): void {
    const { cluster } = this.#parts;
    const self = cluster.members().find((member) => member.id === cluster.branchId);
    if (!self || self.startedAtMs < startedAtMs || (self.startedAtMs === startedAtMs && self.id < id)) return;
    this.#differed.set(id, ANY);
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
      this.#forgetOld();
      const members = this.#otherMembers();
      if (members.length > 0) {
        if (this.#isStale) await this.#catchUp(members);
        else await this.#exchangeWithThoseThatDiffer(members);
      }
      this.#noteTogether(members);
    } catch (error) {
      // The next look tries again.
      if (!this.#isStopped) this.#parts.log.info("definitions could not be compared", { error });
    }
    this.#isLooking = false;
    this.#lookIn(LOOK_MS);
  }

  /** Exchanges with those that differ for longer than what is on its way to one of them takes, and with who just came. */
  async #exchangeWithThoseThatDiffer(members: readonly Member[]): Promise<void> {
    const before = this.#differed;
    this.#differed = new Map();
    for (const { id, facts } of members) {
      const theirs = factsOf(facts)["definitions"];
      if (typeof theirs !== "string" || theirs === this.digest || this.#isStopped) continue;
      const pair = `${this.digest} ${theirs}`;
      const seen = before.get(id);
      if (seen !== pair && seen !== ANY) this.#differed.set(id, pair);
      else if (!this.#isFruitless(id, pair)) await this.#tryExchange(id, pair);
    }
  }

  #isFruitless(id: string, pair: string): boolean {
    const known = this.#fruitless.get(id);
    return known?.pair === pair && this.#parts.clock.now() < known.untilMs;
  }

  async #tryExchange(peer: string, pair: string): Promise<void> {
    try {
      await this.#exchange(peer, pair);
    } catch (error) {
      if (!(error instanceof CymeError)) throw error;
      this.#differed.set(peer, ANY);
      this.#parts.log.info("definitions cannot be exchanged now", { branch: peer, error });
    }
  }

  async #exchange(peer: string, pair: string): Promise<void> {
    const { cluster, clock, log, taker } = this.#parts;
    const theirs = await this.#ask(peer);
    if (theirs.isSame || theirs.isStale) return;
    const own = this.#lines();
    const wanted = newerThan(own, theirs.lines);
    const offered = newerThan(theirs.lines, own);
    const got = await this.#fetch(peer, wanted);
    if (this.#isStopped) return;
    taker.take(got);
    await this.#offer(peer, offered);
    log.info("definitions exchanged", { branch: peer, taken: got.length, given: offered.length });
    if (wanted.length + offered.length > 0) cluster.announce();
    this.#fruitless.set(peer, { pair, untilMs: clock.now() + FRUITLESS_MS });
  }

  async #offer(peer: string, ids: readonly DefinitionId[]): Promise<void> {
    let rest = ids.map(idToJson);
    while (rest.length > 0) {
      const { definitions } = factsOf(this.#get({ ids: rest }));
      const count = listOf(definitions).length;
      // What is gone meanwhile is left out, which the next comparison sees.
      if (count === 0) return;
      await this.#parts.cluster.call(peer, PUT, { definitions: definitions ?? [] }, CALL_MS);
      rest = rest.slice(count);
    }
  }

  /** Takes over the state of the first that speaks for the cluster; where none does, nobody knows better, and all is kept. */
  async #catchUp(members: readonly Member[]): Promise<void> {
    const { cluster, clock, log, taker } = this.#parts;
    for (const { id } of members) {
      const { isAuthority, lines } = await this.#ask(id);
      if (!isAuthority) continue;
      const got = await this.#fetch(id, lines);
      if (this.#isStopped) return;
      log.warning("this branch was away for too long, or forgotten: it takes over the definitions of the others", {
        branch: id,
        definitions: lines.length,
      });
      taker.takeInstead(got, lines);
      break;
    }
    this.#writeTogether(clock.now());
    cluster.announce();
  }

  async #ask(peer: string): Promise<Comparison> {
    const digest = this.#isStale ? null : this.digest;
    const answer = factsOf(await this.#parts.cluster.call(peer, COMPARE, { digest }, CALL_MS));
    const lines = listOf(answer["lines"]).flatMap((line) => this.#read(() => lineFromJson(line), peer));
    const says = (name: string) => answer[name] === true;
    return { isSame: says("is_same"), isStale: says("is_stale"), isAuthority: says("is_authority"), lines };
  }

  async #fetch(peer: string, ids: readonly DefinitionId[]): Promise<Definition[]> {
    const got: Definition[] = [];
    let rest = ids.toSorted(inOrder).map(idToJson);
    while (rest.length > 0) {
      const { definitions } = factsOf(await this.#parts.cluster.call(peer, GET, { ids: rest }, CALL_MS));
      const count = listOf(definitions).length;
      got.push(...this.#readable(definitions, peer));
      if (count === 0) break;
      rest = rest.slice(count);
    }
    return got;
  }

  /** Those that this version of Cyme can take. */
  #readable(definitions: Json | undefined, from: string): Definition[] {
    const read = listOf(definitions).flatMap((json) => this.#read(() => definitionFromJson(json), from));
    for (const { version } of read) this.#warnOfSkew(version);
    return read;
  }

  #read<T>(work: () => T, from: string): T[] {
    try {
      return [work()];
    } catch (error) {
      if (!(error instanceof CymeError)) throw error;
      const told = `${from} ${error.message}`;
      if (!this.#told.has(told)) {
        this.#tellOnce(told);
        this.#parts.log.error("a definition of another branch cannot be taken over: upgrade this one?", {
          from,
          error,
        });
      }
      return [];
    }
  }

  #warnOfSkew(version: Version): void {
    const { ms, branch } = parseVersion(version) ?? { ms: 0, branch: "" };
    const aheadMs = ms - this.#parts.clock.now();
    if (aheadMs < SKEW_MS || this.#told.has(branch)) return;
    this.#tellOnce(branch);
    const s = Math.round(aheadMs / 1000);
    this.#parts.log.warning("the clock of a branch is ahead, so its changes count as the newest: set it", {
      branch,
      s,
    });
  }

  #tellOnce(what: string): void {
    if (this.#told.size >= 1000) this.#told.clear();
    this.#told.add(what);
  }

  #otherMembers(): Member[] {
    const { cluster, store } = this.#parts;
    const others = cluster.members().filter(({ id }) => id !== cluster.branchId);
    return others.filter(({ id }) => !store.knownBranches.get(id)?.isForgotten);
  }

  /** What this branch has, without deletions that are forgotten, in one order everywhere. */
  #lines(): DefinitionLine[] {
    const { store, clock } = this.#parts;
    const horizon = horizonAt(clock.now());
    return store.definitions.all().flatMap(({ kind, key, version, deletedVersion }) => {
      const isForgotten = deletedVersion !== null && deletedVersion < horizon;
      if (isForgotten && version === deletedVersion) return [];
      return [{ kind, key, version, deletedVersion: isForgotten ? null : deletedVersion }];
    });
  }

  #forgetOld(): void {
    const { store, clock } = this.#parts;
    const horizon = horizonAt(clock.now());
    if (store.definitions.hasDeletedBefore(horizon)) {
      store.write(() => store.definitions.forgetDeletedBefore(horizon));
    }
  }

  /** From when on it agrees with another; and then as long as it is on the bus, where it speaks for the cluster. */
  #noteTogether(members: readonly Member[]): void {
    const { cluster, clock } = this.#parts;
    if (this.#isStale || cluster.busState?.is !== "up") return;
    if (clock.now() - (this.#togetherMs ?? -Infinity) < TOGETHER_NOTED_MS) return;
    const agrees = () => members.some(({ facts }) => factsOf(facts)["definitions"] === this.digest);
    if (this.#togetherMs !== undefined || agrees()) this.#writeTogether(clock.now());
  }

  #writeTogether(atMs: number): void {
    const { store } = this.#parts;
    store.write(() => store.settings.set("together_at", String(atMs)));
    this.#togetherMs = atMs;
  }
}

/** What another branch says of what it has. */
interface Comparison {
  readonly isSame: boolean;
  readonly isStale: boolean;
  readonly isAuthority: boolean;
  readonly lines: readonly DefinitionLine[];
}

/** Differs from itself: whoever has just come is not waited for. */
const ANY = "any";

const listOf = (json: Json | undefined): readonly Json[] => (Array.isArray(json) ? (json as readonly Json[]) : []);

/** Those of `lines` of which `known` has an older change or deletion, or nothing. */
function newerThan(known: readonly DefinitionLine[], lines: readonly DefinitionLine[]): DefinitionLine[] {
  const own = new Map(known.map((line) => [`${line.kind} ${line.key}`, line]));
  return lines.filter(({ kind, key, version, deletedVersion }) => {
    const line = own.get(`${kind} ${key}`);
    return !line || version > line.version || (deletedVersion ?? "") > (line.deletedVersion ?? "");
  });
}
