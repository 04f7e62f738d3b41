import type { Proof, Role } from "../domain/access.ts";
import { CymeError, type Facts } from "../domain/errors.ts";
import { isExpired, makeSessionId, secretHash } from "../domain/token.ts";
import { isPassword, type User } from "../domain/user.ts";
import type { Parts } from "./context.ts";
import type { Passwords } from "./passwords.ts";
import { Throttle } from "./throttle.ts";

/** Since its last use. */
const SESSION_IDLE_MS = 12 * 3_600_000;
const SESSION_MAX_MS = 7 * 24 * 3_600_000;
/** That a session is used is written down so often, since every request would be a write. */
const USED_EVERY_MS = 60_000;
/** Compared with no user: no name is as long. */
const MAX_NAME = 128;

/** Somebody who has shown who he is. */
export interface Known {
  readonly name: string;
  readonly role: Role;
  readonly by: Extract<Proof, "password" | "token" | "session">;
}

/** What a browser is given. */
export interface LogIn {
  readonly user: User;
  readonly session: string;
  /** Where it is used until then it goes on, within `maxAgeS`. */
  readonly expiresAtMs: number;
  readonly maxAgeS: number;
}

/** Tells who somebody is by what he brings. Errors are `unauthorized`, which say no more than has to be said. */
export class Logins {
  readonly #parts: Pick<Parts, "store" | "clock">;
  readonly #passwords: Passwords;
  readonly #throttle: Throttle;

  constructor(parts: Pick<Parts, "store" | "clock">, passwords: Passwords) {
    this.#parts = parts;
    this.#passwords = passwords;
    this.#throttle = new Throttle(parts.clock);
  }

  /** Whether there is no user and no token, expired ones counted: nobody can show who he is. */
  get isNobodyKnown(): boolean {
    const { users, tokens } = this.#parts.store;
    return !users.isAny() && !tokens.isAny();
  }

  byToken(text: string): Known {
    const { store, clock } = this.#parts;
    const token = store.tokens.byHash(secretHash(text));
    if (!token) throw unauthorized("The token is none of this cluster, or was deleted: ask an admin for another one");
    if (isExpired(token, clock.now())) {
      const at = new Date(token.expiresAtMs ?? 0).toISOString();
      throw unauthorized(`The token "${token.name}" has expired at ${at}: ask an admin for another one`, {
        expired_at: at,
      });
    }
    return { name: token.name, role: token.role, by: "token" };
  }

  /** `address` is where it comes from; "" where that is nowhere. */
  async byPassword(name: string, password: string, address: string): Promise<Known> {
    const user = await this.#user(name, password, address);
    return { name: user.name, role: user.role, by: "password" };
  }

  /** Undefined where it has ended, or never was. */
  bySession(id: string): Known | undefined {
    const { store, clock } = this.#parts;
    const session = store.sessions.get(secretHash(id));
    if (!session) return undefined;
    const nowMs = clock.now();
    const isOver = nowMs - session.usedAtMs > SESSION_IDLE_MS || nowMs - session.createdAtMs > SESSION_MAX_MS;
    const user = isOver ? undefined : store.users.get(session.user);
    if (!user) return undefined;
    if (nowMs - session.usedAtMs > USED_EVERY_MS) this.#used(session.hash, nowMs);
    return { name: user.name, role: user.role, by: "session" };
  }

  #used(hash: string, nowMs: number): void {
    const { store } = this.#parts;
    try {
      store.write(() => store.sessions.used(hash, nowMs));
    } catch (error) {
      // On a full disk it can be read all the same what is wrong.
      if (!(error instanceof CymeError)) throw error;
    }
  }

  /** Always a new session, whatever the browser had before. */
  async logIn(name: string, password: string, address: string): Promise<LogIn> {
    const { store, clock } = this.#parts;
    const found = await this.#user(name, password, address);
    const session = makeSessionId();
    const nowMs = clock.now();
    const hash = secretHash(session);
    const user = store.write(() => {
      // Changed or deleted while the password was compared.
      if (store.users.get(name)?.hash !== found.hash) throw wrong();
      store.sessions.removeBefore(nowMs - SESSION_MAX_MS, nowMs - SESSION_IDLE_MS);
      store.sessions.add({ hash, user: name, createdAtMs: nowMs, usedAtMs: nowMs });
      return store.users.get(name) ?? found;
    });
    return { user, session, expiresAtMs: nowMs + SESSION_IDLE_MS, maxAgeS: SESSION_MAX_MS / 1000 };
  }

  logOut(session: string): void {
    const { store } = this.#parts;
    store.write(() => store.sessions.remove(secretHash(session)));
  }

  async #user(name: string, password: string, address: string): Promise<User> {
    const user = name.length <= MAX_NAME ? this.#parts.store.users.get(name) : undefined;
    if (user && this.#throttle.glance(name, address, () => this.#passwords.isKnown(password, user.hash))) return user;
    this.#refuseHeldUp(name, address);
    const isRight =
      isPassword(password) &&
      (await this.#passwords.isRight(password, user?.hash, () => this.#refuseHeldUp(name, address)));
    if (!isRight || !user) {
      this.#throttle.wrong(name.slice(0, MAX_NAME), address);
      throw wrong();
    }
    this.#throttle.right(name, address);
    return user;
  }

  #refuseHeldUp(name: string, address: string): void {
    const waitMs = this.#throttle.waitMs(name.slice(0, MAX_NAME), address);
    if (waitMs <= 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw unauthorized(`Too many wrong passwords: try again in ${seconds} s`, { retry_after: seconds });
  }
}

const unauthorized = (message: string, facts: Facts = {}) => new CymeError("unauthorized", message, facts);

const wrong = () => unauthorized("The name or the password is wrong");
