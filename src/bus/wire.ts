import type { BusState } from "./bus.ts";

/**
 * What became of a message: `taken` by a queue; `returned`, since there is no queue of that address; `refused` by the broker;
 * `lost` with the connection, so that nobody knows.
 */
export type Sent = "taken" | "returned" | "refused" | "lost";

/** Requests that each controller may have taken without having begun with them. */
export const PREFETCH = 50;

/** Sends to one address. `expiresMs`: after that long in a queue nobody is to get it. */
export type Send = (address: string, body: Uint8Array, expiresMs: number) => Promise<Sent>;

export interface WireLock {
  /** Aborted when the lock may be another's. */
  readonly lost: AbortSignal;
  /** Resolves when others can have it, or when that is out of our hands; never rejects. */
  release(): Promise<void>;
}

/** Whoever speaks over a wire. None of these throws. */
export interface Receiver {
  onState(state: BusState): void;
  /** What came for this connection: presence, casts to everybody, answers. */
  onHeard(body: Uint8Array): void;
  /**
   * What came into the inbox. It is taken from there for good when this resolves, mostly when it was begun, and the
   * connection it came over has room for another. A connection that ends before has it come again.
   */
  onRequest(body: Uint8Array, answer: Send): Promise<void>;
}

/** Carries messages between branches, and knows nothing of what they mean. */
export interface Wire {
  /** Where requests are sent: the same over all connections. */
  readonly inbox: string;
  /** Where answers and presence are sent: another one for each connection. Empty while there is none. */
  readonly ear: string;
  /** Grows as long as it works, also while it tries to connect. */
  readonly turns: number;
  start(receiver: Receiver): void;
  /** At the latest at `deadlineMs` (clock time). */
  stop(deadlineMs: number): Promise<void>;
  readonly send: Send;
  /** To everybody who is connected, ourselves too. */
  broadcast(body: Uint8Array, expiresMs: number): Promise<Sent>;
  /** What we broadcast does not come back to us: declares again what may be missing. Never rejects. */
  repair(): Promise<void>;
  /** The lock, or undefined where another connection holds it. Never asked twice for one name before it was released. Rejects `unavailable`. */
  tryLock(name: string, timeoutMs: number): Promise<WireLock | undefined>;
}
