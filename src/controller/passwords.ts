import { unavailable } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";

/** At the same time: each takes a core for 150 ms, and 64 MiB. */
const AT_ONCE = 2;
const MAX_WAITING = 32;
/** For how long a password that was right is known to be. */
const KNOWN_MS = 5 * 60_000;
const MAX_KNOWN = 1000;

/** What nobody has is compared with this: of 256 random bits, made like all others, so that it takes as long. */
const NOBODYS_HASH =
  "$argon2id$v=19$m=65536,t=2,p=1$414EHGCC9cR/IGzG6yM6Fi3/hvLEg1YdzfN5s50sScw$+ENHBxcnbDUk9OcG3jJrC6gaj/5zsdlqnUqp6QlN/og";

/** Hashes passwords and compares them, a few at a time, and remembers for a while which were right. */
export class Passwords {
  readonly #clock: Clock;
  /** Of this process alone, so that what is remembered is worth nothing elsewhere. */
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  /** Until when, by the HMAC of hash and password. */
  readonly #known = new Map<string, number>();
  /** Comparisons on their way, so that many requests that bring the same take the time of one. */
  readonly #comparing = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects `unavailable` where too many wait. */
  async hash(password: string): Promise<string> {
    return this.#inTurn(() => Bun.password.hash(password, "argon2id"));
  }

  /** Whether it is known to be right, or will be soon, without a comparison of its own. */
  isKnown(password: string, hash: string): boolean {
    return (this.#known.get(this.#mark(password, hash)) ?? -Infinity) > this.#clock.now();
  }

  /**
   * Whether it is the password of that hash; with an undefined hash, of a user that is not there, it takes as long. `begin` is
   * called just before the comparison, and may throw. Rejects `unavailable` where too many wait.
   */
  async isRight(password: string, hash: string | undefined, begin: () => void): Promise<boolean> {
    const mark = this.#mark(password, hash ?? NOBODYS_HASH);
    const running = this.#comparing.get(mark);
    if (running) return running;
    const comparing = this.#compare(password, hash, mark, begin).finally(() => this.#comparing.delete(mark));
    this.#comparing.set(mark, comparing);
    return comparing;
  }

  async #compare(password: string, hash: string | undefined, mark: string, begin: () => void): Promise<boolean> {
    const isRight = await this.#inTurn(() => {
      begin();
      return Bun.password.verify(password, hash ?? NOBODYS_HASH);
    });
    if (!isRight || hash === undefined) return false;
    this.#remember(mark);
    return true;
  }

  #remember(mark: string): void {
    const nowMs = this.#clock.now();
    for (const [known, untilMs] of this.#known) {
      if (untilMs > nowMs && this.#known.size < MAX_KNOWN) break;
      this.#known.delete(known);
    }
    this.#known.set(mark, nowMs + KNOWN_MS);
  }

  #mark(password: string, hash: string): string {
    return new Bun.CryptoHasher("sha256", this.#key).update(`${hash}\0${password}`).digest("base64url");
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  /** The place of somebody who is done. */
  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw unavailable("Too many log-ins at once: try again", { stored: false }, 2);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
