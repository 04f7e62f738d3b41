import { isIPv6 } from "node:net";
import type { Clock } from "../kit/clock.ts";

/** When tries are held up: from how many wrong ones on, and for how long at most. */
interface Limit {
  readonly free: number;
  readonly maxMs: number;
}

/** Somebody who tries the passwords of one name from one address. */
const PAIR: Limit = { free: 5, maxMs: 5 * 60_000 };
/** Many addresses that try one name: held up only a little, so that they do not lock out whom it belongs to. */
const NAME: Limit = { free: 50, maxMs: 5_000 };
/** One address that tries many names; others may share it. */
const ADDRESS: Limit = { free: 25, maxMs: 30_000 };

const FIRST_WAIT_MS = 1000;
/** How often somebody who is held up may be wrong about what is remembered to be right. */
const GLANCE_MS = 1000;
/** After so long without a wrong try all is forgotten. */
const FORGOTTEN_MS = 30 * 60_000;
const MAX_ENTRIES = 10_000;

interface Failures {
  readonly count: number;
  readonly untilMs: number;
  readonly lastMs: number;
}

/**
 * Holds up who guesses passwords, by name, by address and by both. From an address where a name was right before, it is not
 * held up for what others did: else anybody could lock out anybody.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();
  /** When a name was last right from an address. */
  readonly #right = new Map<string, number>();
  /** By name: until when nobody who is held up is believed to bring what is remembered. */
  readonly #glances = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long no password of `name` is looked at from `address`; 0 where it is. */
  waitMs(name: string, address: string): number {
    const nowMs = this.#clock.now();
    const waits = this.#limits(name, address).map(([key]) => (this.#failures.get(key)?.untilMs ?? 0) - nowMs);
    return Math.max(0, ...waits);
  }

  /**
   * Whether `isRight`, which compares with what is remembered of `name` at no cost, says so. It is asked also for somebody who is held up for
   * what others at his address do, but then it may be wrong once a second alone: else the fastest way to guess would be open.
   */
  glance(name: string, address: string, isRight: () => boolean): boolean {
    if (this.waitMs(name, address) <= 0) return isRight();
    const nowMs = this.#clock.now();
    if ((this.#glances.get(name) ?? -Infinity) > nowMs) return false;
    if (isRight()) return true;
    put(this.#glances, name, nowMs + GLANCE_MS);
    return false;
  }

  wrong(name: string, address: string): void {
    const nowMs = this.#clock.now();
    for (const [key, { free, maxMs }] of this.#keys(name, address)) {
      const before = this.#failures.get(key);
      const isFresh = before !== undefined && nowMs - before.lastMs < FORGOTTEN_MS;
      const count = (isFresh ? before.count : 0) + 1;
      const waitMs = count < free ? 0 : Math.min(maxMs, FIRST_WAIT_MS * 2 ** Math.min(20, count - free));
      put(this.#failures, key, { count, untilMs: nowMs + waitMs, lastMs: nowMs });
    }
  }

  right(name: string, address: string): void {
    const pair = pairOf(name, address);
    this.#failures.delete(pair);
    put(this.#right, pair, this.#clock.now());
  }

  /** Those that count for who was right here before, or not. */
  #limits(name: string, address: string): [string, Limit][] {
    const keys = this.#keys(name, address);
    return this.#right.has(pairOf(name, address)) ? keys.slice(0, 1) : keys;
  }

  #keys(name: string, address: string): [string, Limit][] {
    return [
      [pairOf(name, address), PAIR],
      [`name ${name}`, NAME],
      [`address ${network(address)}`, ADDRESS],
    ];
  }
}

const pairOf = (name: string, address: string) => `pair ${network(address)} ${name}`;

/** Who has one IPv6 address has as many as a /64 holds. */
function network(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill("0"), ...(tail ? tail.split(":") : [])];
  return `${all.slice(0, 4).join(":")}::/64`;
}

/** As the newest; the oldest goes where there are too many. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_ENTRIES) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
