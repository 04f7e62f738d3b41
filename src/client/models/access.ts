import type { Role } from "../../domain/access.ts";
import type { NewTokenAnswer, Ok, TokenAnswer, UserAnswer } from "../types.ts";
import type { CallOptions, Link } from "./link.ts";
import { Section } from "./section.ts";

/** Who may log in, on all branches, sorted by name; for admins. */
export class Users extends Section<UserAnswer> {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    super();
    this.#link = link;
  }

  async all(call?: CallOptions): Promise<UserAnswer[]> {
    return this.#link(call).users.list();
  }

  /** Rejects `conflict` where the name is taken. Without a role it is a viewer. */
  async add(
    name: string,
    user: { readonly password: string; readonly role?: Role | undefined },
    call?: CallOptions,
  ): Promise<UserAnswer> {
    return this.#link(call).users.add(name, user);
  }

  /** Changes what is given; the sessions of the user end. */
  async set(
    name: string,
    change: { readonly password?: string; readonly role?: Role | undefined },
    call?: CallOptions,
  ): Promise<UserAnswer> {
    return this.#link(call).users.set(name, change);
  }

  async delete(name: string, call?: CallOptions): Promise<Ok> {
    return this.#link(call).users.delete(name);
  }
}

/** What programs show to be known, on all branches, without the tokens themselves, sorted by name; for admins. */
export class Tokens extends Section<TokenAnswer> {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    super();
    this.#link = link;
  }

  async all(call?: CallOptions): Promise<TokenAnswer[]> {
    return this.#link(call).tokens.list();
  }

  /** The only answer with the token itself. `expires` is a time such as `90d`; without it the token never expires. */
  async add(
    name: string,
    given: { readonly role?: Role | undefined; readonly expires?: string | undefined } = {},
    call?: CallOptions,
  ): Promise<NewTokenAnswer> {
    return this.#link(call).tokens.add(name, given);
  }

  async delete(name: string, call?: CallOptions): Promise<Ok> {
    return this.#link(call).tokens.delete(name);
  }
}
