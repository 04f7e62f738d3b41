import { AmqpLink, type AMQPChannel, type AMQPMessage } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { AmqpLocks } from "./amqp-locks.ts";
import { AmqpOutlet } from "./amqp-outlet.ts";
import type { BusState } from "./bus.ts";
import { PREFETCH, type Receiver, type Send, type Sent, type Wire, type WireLock } from "./wire.ts";

/** Members are given up after three of their intervals: a bus that comes back is there before that. */
const MAX_RETRY_MS = 2_000;
/** Presence and casts go to everybody by it. */
const EXCHANGE = "cyme.bus";
/** The broker deletes an inbox that nobody reads from, should that which made it have died before it did. */
const INBOX_UNUSED_MS = 60_000;

export interface AmqpWireOptions {
  readonly url: string;
  readonly label: string;
  readonly id: string;
  readonly incarnation: string;
  readonly controllers: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Controller {
  readonly link: AmqpLink;
  readonly outlet: AmqpOutlet;
}

/**
 * One connection to hear and to speak, and one for each controller, which share the inbox: answers go out where requests came
 * in. It is up when the first and one of the others are.
 */
export class AmqpWire implements Wire {
  readonly inbox: string;
  readonly #options: AmqpWireOptions;
  readonly #main: AmqpLink;
  readonly #outlet: AmqpOutlet;
  readonly #controllers: readonly Controller[];
  readonly #locks: AmqpLocks;
  #ear = "";
  #receiver: Receiver | undefined;
  #state: BusState;

  constructor(options: AmqpWireOptions) {
    const { id, incarnation, controllers, clock, log } = options;
    this.inbox = `cyme.branch.${id}.${incarnation}`;
    this.#options = options;
    this.#state = { is: "connecting", sinceMs: clock.now() };
    this.#main = this.#link("bus", (channel) => this.#openEar(channel));
    const onChange = () => this.#look();
    this.#outlet = new AmqpOutlet({ link: this.#main, clock, log, onChange, repair: () => this.repair() });
    this.#main.onState(onChange);
    this.#controllers = Array.from({ length: controllers }, (_, index) => {
      const controller: Controller = this.#controller(`controller ${index + 1}`, () => controller.outlet);
      return controller;
    });
    this.#locks = new AmqpLocks(this.#main);
  }

  get ear(): string {
    return this.#ear;
  }

  get turns(): number {
    return [this.#main, ...this.#controllers.map(({ link }) => link)].reduce((sum, { turns }) => sum + turns, 0);
  }

  start(receiver: Receiver): void {
    this.#receiver ??= receiver;
    this.#main.start();
    for (const { link } of this.#controllers) link.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#locks.stop();
    // The inbox goes with its last reader, and then there is no way to us.
    await Promise.all(this.#controllers.map(({ link }) => link.stop(deadlineMs)));
    await this.#main.stop(deadlineMs);
  }

  readonly send: Send = (address, body, expiresMs) => this.#outlet.publish("", address, body, expiresMs);

  broadcast(body: Uint8Array, expiresMs: number): Promise<Sent> {
    return this.#outlet.publish(EXCHANGE, "", body, expiresMs);
  }

  /** Somebody deleted the exchange, which another may have declared again. */
  async repair(): Promise<void> {
    try {
      await this.#main.withChannel(async (channel) => {
        await declareExchange(channel);
        await channel.queueBind(this.#ear, EXCHANGE, "");
      });
    } catch (error) {
      this.#options.log.warning("the bus cannot be declared again", { error });
    }
  }

  tryLock(name: string, timeoutMs: number): Promise<WireLock | undefined> {
    return this.#locks.tryLock(name, timeoutMs);
  }

  #link(what: string, setup: (channel: AMQPChannel) => Promise<void>): AmqpLink {
    const { url, label, id, clock, log } = this.#options;
    const connectionName = `cyme branch ${id} ${what}`;
    const own = { log: log.with({ connection: what }), setup, connectionName, maxRetryMs: MAX_RETRY_MS };
    return new AmqpLink({ url, label, clock, ...own });
  }

  #controller(what: string, outlet: () => AmqpOutlet): Controller {
    const { clock, log } = this.#options;
    const link = this.#link(what, (channel) => this.#openInbox(channel, outlet()));
    const onChange = () => this.#look();
    link.onState(onChange);
    // It publishes to single queues alone, so there is nothing to declare again.
    return { link, outlet: new AmqpOutlet({ link, clock, log, onChange, repair: () => Promise.resolve() }) };
  }

  async #openEar(channel: AMQPChannel): Promise<void> {
    await declareExchange(channel);
    const { name } = await channel.queueDeclare("", { exclusive: true, durable: false, autoDelete: true });
    await channel.queueBind(name, EXCHANGE, "");
    const consumer = await channel.basicConsume(name, { noAck: true }, (message) => {
      this.#receiver?.onHeard(bodyOf(message));
    });
    // Somebody deleted the queue: as an error of the channel it breaks the connection, and all is declared again.
    consumer.wait().catch(() => channel.onerror("the queue of the bus was deleted"));
    this.#ear = name;
  }

  async #openInbox(channel: AMQPChannel, outlet: AmqpOutlet): Promise<void> {
    const flags = { durable: false, autoDelete: true, exclusive: false };
    await channel.queueDeclare(this.inbox, flags, { "x-expires": INBOX_UNUSED_MS });
    await channel.prefetch(PREFETCH);
    const consumer = await channel.basicConsume(this.inbox, { noAck: false }, (message) => {
      void this.#take(channel, outlet, message);
    });
    consumer.wait().catch(() => channel.onerror("the inbox of the branch was deleted"));
  }

  async #take(channel: AMQPChannel, outlet: AmqpOutlet, message: AMQPMessage): Promise<void> {
    const answer: Send = async (address, body, expiresMs) => {
      const sent = await outlet.publish("", address, body, expiresMs);
      return sent === "lost" ? this.send(address, body, expiresMs) : sent;
    };
    await this.#receiver?.onRequest(bodyOf(message), answer);
    // A channel that has ended has it come again, over another.
    if (!channel.closed) await channel.basicAck(message.deliveryTag).catch(() => {});
  }

  #look(): void {
    const next = this.#seen();
    const { is, reason, sinceMs } = this.#state;
    if (next.is === is && next.reason === reason) return;
    this.#state = { ...next, sinceMs: next.is === is ? sinceMs : this.#options.clock.now() };
    this.#receiver?.onState(this.#state);
  }

  #seen(): Pick<BusState, "is" | "reason"> {
    const states = [this.#main.state, ...this.#controllers.map(({ link }) => link.state)];
    const [main, ...others] = states;
    if (main?.is === "up" && this.#outlet.isOpen && others.some(({ is }) => is === "up")) return { is: "up" };
    const away = states.find((state) => state.is === "away");
    if (away) return { is: "away", reason: away.reason };
    return this.#state.is === "connecting"
      ? { is: "connecting" }
      : { is: "away", reason: "the connection is not ready" };
  }
}

const declareExchange = (channel: AMQPChannel) =>
  channel.exchangeDeclare(EXCHANGE, "fanout", { durable: false, autoDelete: false });

const bodyOf = ({ body }: AMQPMessage): Uint8Array => body ?? new Uint8Array();
