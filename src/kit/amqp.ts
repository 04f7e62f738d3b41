import type { AMQPChannel, AMQPMessage, AMQPProperties } from "@cloudamqp/amqp-client";
import { AmqpAway, AmqpConnection, AmqpRefused, type Loss } from "./amqp-connection.ts";
import type { Outgoing, Published, Publisher } from "./amqp-publisher.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export { AmqpAway, AmqpRefused };
export type { AMQPChannel, AMQPMessage, AMQPProperties, Outgoing, Published, Publisher };

/** `refused`: the broker answers, and refuses the login or the virtual host. The reason holds no password. */
export type LinkState =
  | { is: "connecting"; sinceMs: number }
  | { is: "up"; sinceMs: number }
  | { is: "away"; sinceMs: number; reason: string; refused: boolean };

/** What users of a broker see of the link to it. */
export interface Link {
  readonly state: LinkState;
  /** Calls back on every change; returns a function that ends that. */
  onState(listener: (state: LinkState) => void): () => void;
  /** Resolves when the link is up. Rejects AmqpAway after `timeoutMs`, at once where the broker refuses us or the link is stopped. */
  whenUp(timeoutMs: number): Promise<void>;
  /**
   * Runs `work` on a channel of its own, which is closed afterwards. Rejects AmqpAway without a connection, when it is lost in
   * the middle and after `timeoutMs` (10 s); AmqpRefused when the broker refuses a command of `work`; and with whatever
   * else `work` throws. `work` sends one command after another, and waits for each; publishing needs confirms to be heard of.
   */
  withChannel<T>(work: (channel: AMQPChannel) => Promise<T>, timeoutMs?: number): Promise<T>;
}

/** A link that messages can be published over. */
export interface PublishingLink extends Link {
  /**
   * Opens a channel for publishing, which lives until `onClosed` is called, once: with AmqpRefused where the broker closed it
   * because of a message, with AmqpAway where the connection was lost. Rejects likewise.
   */
  openPublisher(onClosed: (error: AmqpAway | AmqpRefused) => void): Promise<Publisher>;
}

/**
 * Resolves once a link has been tried: at once unless it is connecting for the first time, at the latest after `timeoutMs`. Not
 * `whenUp`, which waits for a broker that is away as well.
 */
export function untilTried(link: Link, clock: Clock, timeoutMs: number): Promise<void> {
  if (link.state.is !== "connecting") return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      unsubscribe();
      resolve();
    };
    const cancel = clock.after(timeoutMs, end);
    const unsubscribe = link.onState(end);
  });
}

export interface AmqpLinkOptions {
  readonly url: string;
  /** What logs call the broker: without user and password. */
  readonly label: string;
  readonly connectionName: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Runs on each connect, before the state is up, on a channel that lives with the connection: the place to declare and to
   * consume. The broker closing that channel breaks the connection, so that all is declared again.
   */
  readonly setup?: (channel: AMQPChannel) => Promise<void>;
  /** The longest wait before the next try; 10 s without it. */
  readonly maxRetryMs?: number;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
const WORK_MS = 10_000;
const STOPPED = "the connection was stopped";

/**
 * A connection to one broker that comes back by itself, from `start` to `stop`.
 *
 * connecting → up ⇄ away: until the first attempt has ended it is connecting, then it is either. A broker that blocks
 * publishers (it is short of memory or disk) counts as away, since it does nothing for us either.
 */
export class AmqpLink implements PublishingLink {
  readonly #options: AmqpLinkOptions;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(state: LinkState) => void>();
  #connection: AmqpConnection | undefined;
  #state: LinkState;
  #running: Promise<void> | undefined;
  #turns = 0;

  constructor(options: AmqpLinkOptions) {
    this.#options = options;
    this.#state = { is: "connecting", sinceMs: options.clock.now() };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Grows from `start` to `stop`: with each try to connect, and every few seconds while there is a connection. */
  get turns(): number {
    return this.#turns;
  }

  onState(listener: (state: LinkState) => void): () => void {
    // Wrapped, so that one function given twice is two listeners.
    const own = (state: LinkState) => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** At the latest at `deadlineMs` (clock time), also with a frozen broker. Safe twice and before start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    this.#running ??= this.#run();
    await this.#connection?.close(deadlineMs);
    await this.#running;
  }

  whenUp(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const ends: (() => void)[] = [];
      const settle = (isLate: boolean) => {
        const state = this.#state;
        const isHopeless = this.#stopping.signal.aborted || (state.is === "away" && state.refused);
        if (state.is === "up") resolve();
        else if (isLate || isHopeless) reject(this.#away());
        else return;
        for (const end of ends) end();
      };
      ends.push(
        this.onState(() => settle(false)),
        this.#options.clock.after(timeoutMs, () => settle(true)),
      );
      settle(false);
    });
  }

  async withChannel<T>(work: (channel: AMQPChannel) => Promise<T>, timeoutMs = WORK_MS): Promise<T> {
    if (this.#state.is !== "up" || !this.#connection) throw this.#away();
    return this.#connection.withChannel(work, timeoutMs);
  }

  async openPublisher(onClosed: (error: AmqpAway | AmqpRefused) => void): Promise<Publisher> {
    if (this.#state.is !== "up" || !this.#connection) throw this.#away();
    return this.#connection.openPublisher(onClosed);
  }

  async #run(): Promise<void> {
    const { clock, maxRetryMs = LAST_RETRY_MS } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      this.#turns++;
      const startMs = clock.now();
      const loss = await this.#connectOnce();
      if (this.#stopping.signal.aborted) break;
      this.#becomeAway(loss);
      // A connection that never lives long is a failure too, else we would hammer a broker that throws us out.
      if (clock.now() - startMs > maxRetryMs) failures = 0;
      await clock.sleep(backoffMs(failures, FIRST_RETRY_MS, maxRetryMs), this.#stopping.signal);
      failures++;
    }
    this.#change({ is: "away", sinceMs: clock.now(), reason: STOPPED, refused: false });
  }

  /** Connects and stays until the connection is lost; never rejects. */
  async #connectOnce(): Promise<Loss> {
    const { url, connectionName, clock, setup } = this.#options;
    let connection: AmqpConnection | undefined;
    try {
      connection = new AmqpConnection({
        url,
        name: connectionName,
        clock,
        onBlocked: (why) => this.#onBlocked(why),
        onWatched: () => this.#turns++,
      });
      this.#connection = connection;
      await connection.open(setup);
      this.#becomeUp();
      return await connection.lost;
    } catch (error) {
      if (error instanceof AmqpAway) return error;
      return { reason: error instanceof Error ? error.message : String(error), refused: false };
    } finally {
      connection?.kill("abandoned");
      this.#connection = undefined;
    }
  }

  #onBlocked(reason: string | undefined): void {
    if (reason === undefined) this.#becomeUp();
    else this.#becomeAway({ reason: `it accepts no messages now: ${reason}`, refused: false });
  }

  #becomeUp(): void {
    const { clock, log, label } = this.#options;
    const before = this.#state;
    if (before.is === "up") return;
    const awayMs = before.is === "away" ? clock.now() - before.sinceMs : undefined;
    log.info("connected to the broker", { broker: label, away_ms: awayMs });
    this.#change({ is: "up", sinceMs: clock.now() });
  }

  #becomeAway({ reason, refused }: Loss): void {
    const { clock, log, label } = this.#options;
    const before = this.#state;
    if (before.is === "away" && before.reason === reason && before.refused === refused) return;
    // Once for an outage; a refusal asks for somebody's help, so it is told even in the middle of one.
    if (before.is !== "away" || before.refused !== refused) {
      log.warning("the broker cannot be used", { broker: label, reason, refused });
    }
    const sinceMs = before.is === "away" ? before.sinceMs : clock.now();
    this.#change({ is: "away", sinceMs, reason, refused });
  }

  #change(state: LinkState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#options.log.error("a listener to the broker's state failed", { error });
      }
    }
  }

  #away(): AmqpAway {
    const state = this.#state;
    if (this.#stopping.signal.aborted) return new AmqpAway(STOPPED);
    return state.is === "away" ? new AmqpAway(state.reason, state.refused) : new AmqpAway("it has not answered yet");
  }
}
