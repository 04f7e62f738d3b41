import { invalid } from "../domain/errors.ts";
import type { Queue } from "../domain/queue.ts";
import { AmqpAway, AmqpRefused, type Outgoing, type Published, type Publisher } from "../kit/amqp.ts";
import type { LinkState, PublishingLink } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import { Declarations, type Declaration } from "./declarations.ts";
import { encodeTask, type TaskMessage } from "./task-message.ts";
import { resolveQueue } from "./topology.ts";

/** Too much is waiting to be sent already; nothing was taken. */
export class Overloaded extends Error {
  constructor(waiting: number) {
    super(`Too much is waiting to be sent already: ${waiting} messages`);
    this.name = "Overloaded";
  }
}

/** As AmqpAway, of a message that was published: the broker may have taken it, and may still take it. */
export class MaybeSent extends AmqpAway {}

export interface SenderOptions {
  readonly link: PublishingLink;
  readonly clock: Clock;
  /** The queue that workers send results to. */
  readonly replyTo: string;
  /** Declares exchange, queue and binding. Rejects AmqpRefused, AmqpAway, `invalid`. */
  readonly declare: (queue: Queue) => Promise<void>;
  /** A message was taken when nobody waited for it any more. */
  readonly onTakenLate: (id: string) => void;
}

const MAX_HELD = 10_000;
const MAX_HELD_BYTES = 64 * 2 ** 20;
/** On their way to the broker and not confirmed. */
const WINDOW = 256;
const WINDOW_BYTES = 8 * 2 ** 20;
/** Between a try that failed and the next, where nothing tells us when. */
const RETRY_MS = 1_000;
const RESOURCE_LOCKED = 405;
const NOT_FOUND = 404;
const STOPPED = "the connection was stopped";

/** Somebody who waits for a message to be taken. */
interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * A message from `send` to its end. It is
 * - declaring: its queue is being declared,
 * - ready: it waits for room in the window,
 * - flying: it was published, and the broker has not said what became of it,
 * - paused: something is in the way; tried again soon.
 * It ends when the broker has taken it, when it is to blame for an error, or when nobody waits any more and it is not flying.
 */
interface Sending {
  readonly id: string;
  readonly queue: Queue;
  readonly outgoing: Outgoing;
  readonly waiters: Set<Waiter>;
  declaration: Declaration | undefined;
  /** 0 before the first publish; changes with each, so that what is heard of an earlier one is known as old. */
  flight: number;
  /** To be published with nothing else in the window, since one of some messages made the broker close the channel. */
  isSuspect: boolean;
  /** The broker said once that there is no way for it; it was declared anew since. */
  wasAstray: boolean;
  /** Why the last try failed, for those whose time is over. */
  problem: string | undefined;
}

/**
 * Sends tasks over one confirmed channel, however many at a time. A message is published again, under the same id, where
 * nobody knows what became of it: once the connection or the channel is back, until its time is over.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #declarations: Declarations;
  readonly #held = new Map<string, Sending>();
  #heldBytes = 0;
  #ready = new Set<Sending>();
  readonly #flying = new Set<Sending>();
  #flyingBytes = 0;
  #isSuspectFlying = false;
  readonly #paused = new Set<Sending>();
  #publisher: Publisher | undefined;
  /** Callers that have not been answered. */
  #waiting = 0;
  #isOpening = false;
  #isRetrying = false;
  #isStopped = false;
  #flights = 0;
  #onIdle = () => {};

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#declarations = new Declarations(options.declare, options.clock);
    options.link.onState((state) => this.#onState(state));
  }

  /** See TaskBroker.send. */
  send(queue: Queue, message: TaskMessage, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { state } = this.#options.link;
      if (this.#isStopped) throw new AmqpAway(STOPPED);
      if (state.is === "away" && state.refused) throw new AmqpAway(state.reason, true);
      const known = this.#held.get(message.id);
      const sending = known ?? this.#take(queue, message);
      this.#wait(sending, { resolve, reject }, deadlineMs);
      if (!known) this.#admit(sending);
    });
  }

  /** Whether nothing is to be sent, and nothing is on its way. */
  get isIdle(): boolean {
    return this.#held.size === 0;
  }

  /** Gives those who wait until the deadline (clock time), and rejects them then. Nothing can be sent any more. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    const done = new AbortController();
    this.#onIdle = () => done.abort();
    const leftMs = deadlineMs - this.#options.clock.now();
    if (this.#waiting > 0 && leftMs > 0) await this.#options.clock.sleep(leftMs, done.signal);
    this.#rejectAll(STOPPED, false);
  }

  #take(queue: Queue, message: TaskMessage): Sending {
    const outgoing = outgoingOf(queue, message, this.#options.replyTo);
    const bytes = outgoing.body.byteLength;
    const isTooMuch = this.#held.size >= MAX_HELD || this.#heldBytes + bytes > MAX_HELD_BYTES;
    if (isTooMuch && this.#held.size > 0) throw new Overloaded(this.#held.size);
    const sending: Sending = {
      id: message.id,
      queue,
      outgoing,
      waiters: new Set(),
      declaration: undefined,
      flight: 0,
      isSuspect: false,
      wasAstray: false,
      problem: undefined,
    };
    this.#held.set(message.id, sending);
    this.#heldBytes += bytes;
    return sending;
  }

  #wait(sending: Sending, { resolve, reject }: Waiter, deadlineMs: number): void {
    const { clock } = this.#options;
    const cancel = clock.after(deadlineMs - clock.now(), () => {
      waiter.reject(this.#tooLate(sending));
      if (sending.waiters.size === 0 && !this.#flying.has(sending)) this.#drop(sending);
    });
    const end = () => {
      cancel();
      sending.waiters.delete(waiter);
      if (--this.#waiting === 0) this.#onIdle();
    };
    const waiter: Waiter = {
      resolve: () => (end(), resolve()),
      reject: (error) => (end(), reject(error)),
    };
    sending.waiters.add(waiter);
    this.#waiting++;
  }

  #tooLate({ problem, flight }: Sending): AmqpAway {
    const { state } = this.#options.link;
    if (state.is === "away") return away(flight, state.reason, state.refused);
    if (state.is === "connecting") return away(flight, "it has not answered yet");
    return away(flight, problem ?? "it did not confirm a message in time");
  }

  /** Has the queue declared, and makes the message ready. */
  #admit(sending: Sending): void {
    if (this.#options.link.state.is !== "up") return void this.#paused.add(sending);
    const declaration = this.#declarations.of(sending.queue);
    sending.declaration = declaration;
    if (declaration.outcome) return this.#declared(sending, declaration);
    void declaration.done.then(() => {
      const isCurrent = this.#held.get(sending.id) === sending && sending.declaration === declaration;
      if (isCurrent) this.#declared(sending, declaration);
    });
  }

  #declared(sending: Sending, { outcome }: Declaration): void {
    if (outcome?.is === "failed") {
      const { error } = outcome;
      if (error instanceof AmqpAway) return this.#pause(sending, error.reason);
      // A worker has it for itself alone.
      if (!isLocked(error, sending.queue)) return this.#reject(sending, asError(error));
    }
    this.#ready.add(sending);
    this.#pump();
  }

  /** Publishes what is ready, as far as there is room. */
  #pump(): void {
    const publisher = this.#publisher;
    if (!publisher || this.#options.link.state.is !== "up") return;
    for (const sending of this.#ready) {
      if (!this.#hasRoomFor(sending)) return;
      this.#ready.delete(sending);
      this.#publish(publisher, sending);
    }
  }

  #hasRoomFor({ isSuspect, outgoing }: Sending): boolean {
    if (this.#flying.size === 0) return true;
    if (isSuspect || this.#isSuspectFlying || this.#flying.size >= WINDOW) return false;
    return this.#flyingBytes + outgoing.body.byteLength <= WINDOW_BYTES;
  }

  #publish(publisher: Publisher, sending: Sending): void {
    const flight = ++this.#flights;
    sending.flight = flight;
    this.#flying.add(sending);
    this.#flyingBytes += sending.outgoing.body.byteLength;
    this.#isSuspectFlying = sending.isSuspect;
    const isCurrent = () => sending.flight === flight && this.#flying.has(sending);
    publisher.publish(sending.outgoing).then(
      (published) => {
        if (isCurrent()) this.#landed(sending, published);
      },
      () => {
        if (!isCurrent()) return;
        this.#land(sending);
        this.#reject(
          sending,
          invalid(
            "headers",
            "headers, with the arguments of the binding, of less than 3000 bytes in all and names of at most 255 bytes",
          ),
        );
        this.#pump();
      },
    );
  }

  #land(sending: Sending): void {
    this.#flying.delete(sending);
    this.#flyingBytes -= sending.outgoing.body.byteLength;
    // It was alone.
    this.#isSuspectFlying = false;
  }

  #landed(sending: Sending, published: Published): void {
    this.#land(sending);
    switch (published.is) {
      case "taken":
        this.#taken(sending);
        break;
      case "returned":
        this.#astray(sending, published);
        break;
      case "refused":
        this.#pause(
          sending,
          `the broker takes no message for queue "${sending.queue.name}" now: is it full (x-max-length)?`,
        );
        break;
      case "lost":
        this.#pause(sending, "it closed the channel");
        break;
      default:
        published satisfies never;
    }
    this.#pump();
  }

  #taken(sending: Sending): void {
    this.#drop(sending);
    if (sending.waiters.size === 0) this.#options.onTakenLate(sending.id);
    for (const waiter of sending.waiters) waiter.resolve();
  }

  /** There was no queue for it, or nothing led there: somebody may have deleted it since it was declared. */
  #astray(sending: Sending, { replyCode, replyText }: { replyCode: number; replyText: string }): void {
    if (sending.wasAstray) return this.#reject(sending, new AmqpRefused(replyCode, replyText));
    if (sending.declaration) this.#declarations.forget(sending.queue, sending.declaration);
    this.#again(sending, () => {
      sending.wasAstray = true;
      this.#admit(sending);
    });
  }

  #pause(sending: Sending, problem: string): void {
    this.#again(sending, () => {
      sending.problem = problem;
      this.#paused.add(sending);
      this.#retryLater();
    });
  }

  /** Goes on with it, unless nobody waits any more. */
  #again(sending: Sending, goOn: () => void): void {
    if (sending.waiters.size === 0) this.#drop(sending);
    else goOn();
  }

  #reject(sending: Sending, error: Error): void {
    this.#drop(sending);
    for (const waiter of sending.waiters) waiter.reject(error);
  }

  #drop(sending: Sending): void {
    this.#ready.delete(sending);
    this.#paused.delete(sending);
    if (this.#held.delete(sending.id)) this.#heldBytes -= sending.outgoing.body.byteLength;
  }

  #onState(state: LinkState): void {
    if (state.is === "away" && state.refused) return this.#rejectAll(state.reason, true);
    if (state.is === "up") this.#resume();
  }

  #rejectAll(reason: string, refused: boolean): void {
    for (const sending of this.#held.values()) {
      for (const waiter of sending.waiters) waiter.reject(away(sending.flight, reason, refused));
      if (!this.#flying.has(sending)) this.#drop(sending);
    }
  }

  #resume(): void {
    if (!this.#publisher) void this.#open();
    const paused = [...this.#paused];
    this.#paused.clear();
    for (const sending of paused) this.#admit(sending);
    this.#pump();
  }

  #retryLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#options.clock.after(RETRY_MS, () => {
      this.#isRetrying = false;
      // When it comes back it says so.
      if (this.#options.link.state.is === "up") this.#resume();
    });
  }

  /** Opens a channel, and has everything declared anew: the connection, or an exchange, may be another. */
  async #open(): Promise<void> {
    if (this.#isOpening || (this.#isStopped && this.#waiting === 0)) return;
    this.#isOpening = true;
    this.#declarations.forgetAll();
    const ready = [...this.#ready];
    this.#ready.clear();
    for (const sending of ready) this.#admit(sending);
    try {
      this.#publisher = await this.#options.link.openPublisher((error) => this.#onClosed(error));
      this.#pump();
    } catch {
      this.#retryLater();
    } finally {
      this.#isOpening = false;
    }
  }

  #onClosed(error: AmqpAway | AmqpRefused): void {
    this.#publisher = undefined;
    const flying = [...this.#flying];
    this.#flying.clear();
    this.#flyingBytes = 0;
    this.#isSuspectFlying = false;
    if (error instanceof AmqpRefused) this.#accuse(flying, error);
    const left = flying.filter((sending) => this.#held.get(sending.id) === sending);
    for (const sending of left) if (sending.waiters.size === 0) this.#drop(sending);
    // In front, where they were.
    this.#ready = new Set([...left.filter(({ waiters }) => waiters.size > 0), ...this.#ready]);
    if (this.#options.link.state.is === "up") void this.#open();
  }

  /** One of these made the broker close the channel: the only one is to blame, of several each is tried alone. */
  #accuse(flying: readonly Sending[], error: AmqpRefused): void {
    const [only, ...others] = suspects(flying, error);
    if (!only) return;
    if (others.length > 0) {
      for (const sending of [only, ...others]) sending.isSuspect = true;
    } else if (error.replyCode === NOT_FOUND && !only.wasAstray) {
      only.wasAstray = true;
    } else this.#reject(only, error);
  }
}

const away = (flight: number, reason: string, refused = false) =>
  flight > 0 ? new MaybeSent(reason, refused) : new AmqpAway(reason, refused);

/** Those of the size that the broker complains of, where it names one; else all. */
function suspects(flying: readonly Sending[], { replyText }: AmqpRefused): readonly Sending[] {
  const size = /message size (\d+)/.exec(replyText)?.[1];
  const sized = flying.filter(({ outgoing }) => String(outgoing.body.byteLength) === size);
  return sized.length > 0 ? sized : flying;
}

/** The message, and where to: by the exchange and the routing key of the declaration, for `headers` by what it binds. */
function outgoingOf(queue: Queue, message: TaskMessage, replyTo: string): Outgoing {
  const { exchange, binding } = resolveQueue(queue);
  const bound = exchange.type === "headers" ? withoutX(binding.arguments) : {};
  const encoded = encodeTask({ ...message, headers: { ...message.headers, ...bound } }, replyTo);
  return { ...encoded, exchange: exchange.name, routingKey: queue.routingKey };
}

/** What begins with `x-` says how to compare, and is not compared. */
const withoutX = (table: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(table).filter(([name]) => !name.startsWith("x-")));

const isLocked = (error: unknown, queue: Queue) =>
  error instanceof AmqpRefused && error.replyCode === RESOURCE_LOCKED && queue.options?.exclusive === true;

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
