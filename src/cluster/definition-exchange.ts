import type { Json } from "../bus/bus.ts";
import { inOrder, type Definition, type DefinitionId } from "../domain/definition.ts";
import { CymeError } from "../domain/errors.ts";
import { parseVersion, type Version } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Store } from "../store/store.ts";
import { factsOf, type Cluster } from "./cluster.ts";
import { definitionFromJson, definitionToJson, idFromJson, idToJson, lineFromJson } from "./definition-json.ts";
import type { DefinitionLine } from "./definition-lines.ts";

export const METHODS = { put: "definitions.put", compare: "definitions.compare", get: "definitions.get" } as const;

const CALL_MS = 10_000;
/** Definitions of one message, so that it stays far below the bus's limit. */
const MESSAGE_BYTES = 1_000_000;
const SKEW_MS = 60_000;
const TOLD = 1_000;

/** Whether what a branch has is the cluster's state; "soon" where it has to agree with somebody first, since it has just come. */
const AUTHORITIES = ["full", "soon", "none"] as const;
export type Authority = (typeof AUTHORITIES)[number];

/** What another branch says of what it has. */
interface Comparison {
  readonly isSame: boolean;
  readonly isStale: boolean;
  readonly authority: Authority;
  readonly lines: readonly DefinitionLine[];
}

export interface ExchangeParts {
  readonly cluster: Cluster;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Definitions on their way between two branches, in messages of bounded size. Calls reject as `Cluster.call`. */
export class DefinitionExchange {
  readonly #parts: ExchangeParts;
  /** What was logged once already. */
  readonly #told = new Set<string>();

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /** Asks what another branch has, whose digest may be this one's. */
  async compare(peer: string, digest: string | null): Promise<Comparison> {
    const answer = factsOf(await this.#parts.cluster.call(peer, METHODS.compare, { digest }, CALL_MS));
    const lines = listOf(answer["lines"]).flatMap((line) => this.#tryRead(() => lineFromJson(line), peer));
    const says = (name: string) => answer[name] === true;
    const authority = AUTHORITIES.find((one) => one === answer["authority"]) ?? "none";
    return { isSame: says("is_same"), isStale: says("is_stale"), authority, lines };
  }

  /** Gets definitions of another branch. What it has no more is left out. */
  async fetch(peer: string, ids: readonly DefinitionId[]): Promise<Definition[]> {
    const got: Definition[] = [];
    let rest = ids.toSorted(inOrder).map(idToJson);
    while (rest.length > 0) {
      const { definitions } = factsOf(await this.#parts.cluster.call(peer, METHODS.get, { ids: rest }, CALL_MS));
      const count = listOf(definitions).length;
      if (count === 0) break;
      got.push(...this.read(definitions, peer));
      // Where some were left out these are not the first: the last ones are got twice, which does no harm.
      rest = rest.slice(count);
    }
    return got;
  }

  /** Gives definitions to another branch. What is gone meanwhile is left out. */
  async offer(peer: string, ids: readonly DefinitionId[]): Promise<void> {
    let rest: readonly DefinitionId[] = ids.toSorted(inOrder);
    while (rest.length > 0) {
      const definitions = this.#message(rest);
      if (definitions.length === 0) return;
      await this.#parts.cluster.call(peer, METHODS.put, { definitions }, CALL_MS);
      rest = rest.slice(definitions.length);
    }
  }

  /** The answer to `fetch`. */
  answer(args: Json): Json {
    return { definitions: this.#message(listOf(factsOf(args)["ids"]).map(idFromJson)) };
  }

  /** The definitions that another branch sent, but for those that this version of Cyme cannot take. */
  read(definitions: Json | undefined, from: string): Definition[] {
    const read = listOf(definitions).flatMap((json) => this.#tryRead(() => definitionFromJson(json), from));
    for (const { version } of read) this.#warnOfSkew(version);
    return read;
  }

  /** As many of them as one message holds, at least one. */
  #message(ids: readonly DefinitionId[]): Json[] {
    const message: Json[] = [];
    let bytes = 0;
    for (const id of ids) {
      const definition = this.#parts.store.definition(id);
      if (!definition) continue;
      const json = definitionToJson(definition);
      bytes += Buffer.byteLength(JSON.stringify(json));
      if (message.length > 0 && bytes > MESSAGE_BYTES) break;
      message.push(json);
    }
    return message;
  }

  #tryRead<T>(read: () => T, from: string): T[] {
    try {
      return [read()];
    } catch (error) {
      if (!(error instanceof CymeError)) throw error;
      const isNews = this.#isNews(`${from} ${error.message}`);
      const message = "a definition of another branch cannot be taken over: upgrade this one?";
      if (isNews) this.#parts.log.error(message, { branch: from, error });
      return [];
    }
  }

  #warnOfSkew(version: Version): void {
    const { ms, branch } = parseVersion(version) ?? { ms: 0, branch: "" };
    const aheadMs = ms - this.#parts.clock.now();
    if (aheadMs < SKEW_MS || !this.#isNews(`skew ${branch}`)) return;
    const s = Math.round(aheadMs / 1000);
    this.#parts.log.warning("the clock of a branch is ahead, so its changes count as the newest: set it", {
      branch,
      s,
    });
  }

  #isNews(what: string): boolean {
    if (this.#told.has(what)) return false;
    if (this.#told.size >= TOLD) this.#told.clear();
    this.#told.add(what);
    return true;
  }
}

const listOf = (json: Json | undefined): readonly Json[] => (Array.isArray(json) ? (json as readonly Json[]) : []);
