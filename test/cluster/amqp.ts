import { AmqpBus } from "../../src/bus/amqp-bus.ts";
import { ManualClock } from "../../src/kit/clock.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { SimulatedCluster, type Network } from "./simulated.ts";

/**
 * How much faster the clock of the branches goes than that of the broker. More would take the broker's heartbeats, one in
 * some five seconds, for its end.
 */
const SPEED = 3;
/** Of the clock: a machine that is busy for a moment is not to look like a broker that is silent. */
const MAX_STEP_MS = 100;
const SPARE = 8;

/** A way to the broker of its own for each start of a branch. */
class AmqpNetwork implements Network<AmqpBus>, AsyncDisposable {
  readonly #brokerUrl: string;
  readonly #clock: ManualClock;
  readonly #spare: Pipe[];
  readonly #opening = new Set<Promise<unknown>>();
  readonly #pipes = new Map<AmqpBus, Pipe>();
  readonly #killed = new Map<AmqpBus, Pipe>();

  constructor(brokerUrl: string, clock: ManualClock, spare: Pipe[]) {
    this.#brokerUrl = brokerUrl;
    this.#clock = clock;
    this.#spare = spare;
  }

  open(make: (url: string) => AmqpBus): AmqpBus {
    const pipe = this.#spare.pop();
    if (!pipe) throw new Error("branches are started faster than ways to the broker can be opened");
    const opening = openPipe(this.#brokerUrl).then((opened) => this.#spare.push(opened));
    this.#opening.add(opening);
    void opening.then(() => this.#opening.delete(opening));
    const bus = make(pipe.url);
    this.#pipes.set(bus, pipe);
    return bus;
  }

  kill(bus: AmqpBus): void {
    const pipe = this.#pipe(bus);
    pipe.cut();
    this.#pipes.delete(bus);
    this.#killed.set(bus, pipe);
    // It can say nothing any more, only end.
    void bus.stop(this.#clock.now());
  }

  cut(bus: AmqpBus): void {
    this.#pipe(bus).cut();
  }

  mend(bus: AmqpBus): void {
    this.#pipe(bus).mend();
  }

  freeze(bus: AmqpBus): void {
    this.#pipe(bus).pause();
  }

  thaw(bus: AmqpBus): void {
    this.#pipe(bus).resume();
  }

  stopBroker(): void {
    for (const pipe of this.#pipes.values()) pipe.cut();
  }

  startBroker(): void {
    for (const pipe of this.#pipes.values()) pipe.mend();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opening);
    const pipes = [...this.#spare, ...this.#pipes.values(), ...this.#killed.values()];
    await Promise.all(pipes.map((pipe) => pipe.close()));
  }

  #pipe(bus: AmqpBus): Pipe {
    const pipe = this.#pipes.get(bus);
    if (!pipe) throw new Error("Cannot switch a bus that has gone");
    return pipe;
  }
}

/** Branches on one broker, in one process. */
export class AmqpCluster extends SimulatedCluster<AmqpBus> {
  readonly #network: AmqpNetwork;

  /** Branches that are up, and the app `shop` on each. */
  static async of(brokerUrl: string, ...ids: string[]): Promise<AmqpCluster> {
    const clock = new ManualClock();
    const spare = await Promise.all(Array.from({ length: SPARE }, () => openPipe(brokerUrl)));
    const cluster = new AmqpCluster(new AmqpNetwork(brokerUrl, clock, spare), clock);
    for (const id of ids) await cluster.add(id);
    return cluster;
  }

  private constructor(network: AmqpNetwork, clock: ManualClock) {
    super({
      clock,
      network,
      openBus: (options) => network.open((url) => new AmqpBus({ ...options, url, label: "the broker" })),
      pass: (ms) => passWithBroker(clock, ms),
    });
    this.#network = network;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#network[Symbol.asyncDispose]();
  }
}

/** Moves the clock as the broker's goes, by whole milliseconds. */
async function passWithBroker(clock: ManualClock, ms: number): Promise<void> {
  const untilMs = clock.now() + ms;
  let owedMs = 0;
  for (let lookedMs = performance.now(); clock.now() < untilMs;) {
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    const nowMs = performance.now();
    owedMs = Math.min(owedMs + (nowMs - lookedMs) * SPEED, MAX_STEP_MS, untilMs - clock.now());
    lookedMs = nowMs;
    const step = Math.floor(owedMs);
    owedMs -= step;
    await clock.advance(step);
  }
}
