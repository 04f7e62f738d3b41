import type { BranchAnswer, Ok } from "../types.ts";
import type { CallOptions, Link } from "./link.ts";
import { LABEL, Model } from "./model.ts";
import { Section } from "./section.ts";

/** One daemon of the cluster, as it was when it was asked for. */
export class Branch extends Model {
  readonly #link: Link;
  #info: BranchAnswer;

  /** @internal */
  constructor(link: Link, info: BranchAnswer) {
    super();
    this.#link = link;
    this.#info = info;
  }

  get id(): string {
    return this.#info.id;
  }

  /** Where it serves the API; null where it does not. */
  get url(): string | null {
    return this.#info.url;
  }

  /** The answer of the API. */
  get info(): BranchAnswer {
    return this.#info;
  }

  /** @internal */
  [LABEL](): string {
    return `Branch: ${this.id}`;
  }

  /** Asks how it is now. */
  async refresh(call?: CallOptions): Promise<this> {
    this.#info = await this.#link(call).branches.get(this.id);
    return this;
  }

  /** Shuts the daemon down; its workers stay. */
  async shutdown(call?: CallOptions): Promise<Ok> {
    return this.#link(call).branches.shutdown(this.id);
  }
}

/** The branches of the cluster; awaited they are the ids of those that are up, sorted. */
export class Branches extends Section<string> {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    super();
    this.#link = link;
  }

  async all(call?: CallOptions): Promise<string[]> {
    return this.#link(call).branches.list();
  }

  async get(id: string, call?: CallOptions): Promise<Branch> {
    return new Branch(this.#link, await this.#link(call).branches.get(id));
  }

  /** Shuts the daemon down; its workers stay. */
  async shutdown(id: string, call?: CallOptions): Promise<Ok> {
    return this.#link(call).branches.shutdown(id);
  }

  /** Removes a branch that is away, with all that it owns. */
  async forget(id: string, call?: CallOptions): Promise<Ok> {
    return this.#link(call).branches.forget(id);
  }
}
