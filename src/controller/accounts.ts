import { NOBODY_ELSE, type Spreading } from "../cluster/spreading.ts";
import { tokenId, userId } from "../domain/definition.ts";
import { CymeError, conflict, invalid, notFound } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import { tokenName, userName } from "../domain/names.ts";
import { makeToken, parseToken, secretHash, type Token } from "../domain/token.ts";
import { DEFAULT_ROLE, parseUserChange, type User } from "../domain/user.ts";
import type { Log } from "../kit/log.ts";
import type { CallOptions, Parts } from "./context.ts";
import type { Passwords } from "./passwords.ts";

type AccountParts = Pick<Parts, "store" | "clock"> & { readonly log: Log };

/** A user or a token. */
type Account = { readonly kind: "user" | "token"; readonly name: string };

/** Who may ask: users and tokens, the same on all branches. */
export class Accounts {
  readonly #parts: AccountParts;
  readonly #passwords: Passwords;
  readonly #spreading: Spreading;

  constructor(parts: AccountParts, passwords: Passwords, spreading: Spreading = NOBODY_ELSE) {
    this.#parts = parts;
    this.#passwords = passwords;
    this.#spreading = spreading;
  }

  users(): User[] {
    return this.#parts.store.users.all();
  }

  user(name: string): User {
    const user = this.#parts.store.users.get(name);
    if (!user) throw notFound("user", name);
    return user;
  }

  /** Also those that have expired. */
  tokens(): Token[] {
    return this.#parts.store.tokens.all();
  }

  token(name: string): Token {
    const token = this.#parts.store.tokens.get(name);
    if (!token) throw notFound("token", name);
    return token;
  }

  /** Adds a user, or, unless it has to be new, changes the given fields of one that is there. */
  async putUser(
    name: string,
    params: Params,
    { mustBeNew }: { readonly mustBeNew: boolean },
    options: CallOptions,
  ): Promise<{ user: User; isNew: boolean; isFirst: boolean }> {
    const { store, clock } = this.#parts;
    userName(name);
    const { role, password } = parseUserChange(params);
    this.#refuseUnfit(name, mustBeNew, password);
    const hash = password === undefined ? undefined : await this.#passwords.hash(password);
    const put = store.write(() => {
      const before = this.#refuseUnfit(name, mustBeNew, password);
      const isFirst = this.#isNobodyKnown;
      const user: User = {
        name,
        role: role ?? before?.role ?? DEFAULT_ROLE,
        hash: hash ?? before?.hash ?? "",
        createdAtMs: before?.createdAtMs ?? clock.now(),
      };
      if (before?.role === "admin" && user.role !== "admin")
        this.#refuseWithoutAdmin({ kind: "user", name }, "demoted");
      store.noteChanged(userId(name), clock.now());
      store.users.put(user);
      return { user, isNew: !before, isFirst };
    });
    this.#tellAdded(put);
    await this.#spreading.spread([userId(name)], options);
    return put;
  }

  async removeUser(name: string, options: CallOptions): Promise<{ wasLast: boolean }> {
    const { store, clock } = this.#parts;
    store.write(() => {
      this.user(name);
      this.#refuseWithoutAdmin({ kind: "user", name }, "removed");
      store.noteDeleted(userId(name), clock.now());
      store.users.remove(name);
    });
    const wasLast = this.#isNobodyKnown;
    if (wasLast) this.#tellOpened();
    await this.#spreading.spread([userId(name)], options);
    return { wasLast };
  }

  /** The text of the token is nowhere but in this answer. */
  async addToken(
    name: string,
    params: Params,
    options: CallOptions,
  ): Promise<{ token: Token; text: string; isFirst: boolean }> {
    const { store, clock } = this.#parts;
    tokenName(name);
    const text = makeToken();
    const nowMs = clock.now();
    const token: Token = { name, ...parseToken(params, nowMs), hash: secretHash(text), createdAtMs: nowMs };
    const isFirst = store.write(() => {
      const isNobodyKnown = this.#isNobodyKnown;
      if (store.tokens.get(name)) {
        const advice = "delete it first, or choose another name";
        throw conflict(`Token "${name}" exists already and is not shown again: ${advice}`, { token: name });
      }
      store.noteChanged(tokenId(name), nowMs);
      store.tokens.put(token);
      return isNobodyKnown;
    });
    this.#tellAdded({ isFirst });
    await this.#spreading.spread([tokenId(name)], options);
    return { token, text, isFirst };
  }

  async removeToken(name: string, options: CallOptions): Promise<{ wasLast: boolean }> {
    const { store, clock } = this.#parts;
    store.write(() => {
      this.token(name);
      this.#refuseWithoutAdmin({ kind: "token", name }, "removed");
      store.noteDeleted(tokenId(name), clock.now());
      store.tokens.remove(name);
    });
    const wasLast = this.#isNobodyKnown;
    if (wasLast) this.#tellOpened();
    await this.#spreading.spread([tokenId(name)], options);
    return { wasLast };
  }

  /** The user that is there already; throws where the change does not fit to it. */
  #refuseUnfit(name: string, mustBeNew: boolean, password: string | undefined): User | undefined {
    const before = this.#parts.store.users.get(name);
    if (before && mustBeNew) throw conflict(`User "${name}" exists already: change it with PUT`, { user: name });
    if (!before && password === undefined) throw invalid("password", "one, since the user is new");
    return before;
  }

  /** Throws where nobody who could mend it would be left among those that are, now or once tokens have expired. */
  #refuseWithoutAdmin(lost: Account, how: "demoted" | "removed"): void {
    const { store } = this.#parts;
    const isLost = (kind: Account["kind"], name: string) => kind === lost.kind && name === lost.name;
    const users = store.users.all().filter(({ name }) => !isLost("user", name));
    const tokens = store.tokens.all().filter(({ name }) => !isLost("token", name));
    const left = [...users, ...tokens.filter(({ expiresAtMs }) => expiresAtMs === null)];
    // Then nobody is known, and nobody needs to be. Who is demoted still is.
    const isLastOfAll = how === "removed" && users.length + tokens.length === 0;
    if (isLastOfAll || left.some(({ role }) => role === "admin")) return;
    const was = (lost.kind === "user" ? store.users.get(lost.name) : store.tokens.get(lost.name))?.role;
    // There was none before: it makes no difference.
    if (was !== "admin") return;
    throw new CymeError(
      "conflict",
      `${lost.kind === "user" ? "User" : "Token"} "${lost.name}" is the last admin, tokens that expire apart: add another one first${how === "removed" ? ", or delete the other users and tokens" : ""}`,
      { [lost.kind]: lost.name },
    );
  }

  get #isNobodyKnown(): boolean {
    const { users, tokens } = this.#parts.store;
    return !users.isAny() && !tokens.isAny();
  }

  #tellAdded({ isFirst }: { readonly isFirst: boolean }): void {
    const { store, log } = this.#parts;
    if (isFirst) log.info("there is a first user or token: from now on every request needs a login");
    if ([...store.users.all(), ...store.tokens.all()].some(({ role }) => role === "admin")) return;
    log.warning("there is no admin: only commands with -L can add one", { command: "cyme createsuperuser -L" });
  }

  #tellOpened(): void {
    this.#parts.log.warning(
      "the last user or token is gone: on a loopback address everybody is admin again, on another one nobody",
    );
  }
}
