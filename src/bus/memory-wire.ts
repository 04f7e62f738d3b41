import { unavailable } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { BusState } from "./bus.ts";
import type { MemoryNetwork } from "./memory-network.ts";
import { Pausable } from "./pausable.ts";
import { PREFETCH, type Receiver, type Send, type Sent, type Wire, type WireLock } from "./wire.ts";

export interface MemoryWireOptions {
  readonly network: MemoryNetwork;
  readonly id: string;
  readonly incarnation: string;
  readonly controllers: number;
}

interface Waiting {
  readonly body: Uint8Array;
  readonly dueMs: number;
}

/** The end of a MemoryNetwork that one bus has. */
export class MemoryWire implements Wire {
  readonly inbox: string;
  /** Nobody watches over it. */
  readonly turns = 0;
  readonly #network: MemoryNetwork;
  readonly #process: Pausable;
  readonly #places: number;
  #ear = "";
  #receiver: Receiver | undefined;
  #waiting: Waiting[] = [];
  #busy = 0;

  constructor({ network, id, incarnation, controllers }: MemoryWireOptions) {
    this.inbox = `cyme.branch.${id}.${incarnation}`;
    this.#network = network;
    this.#process = new Pausable(network.clock);
    this.#places = controllers * PREFETCH;
  }

  /** The network's, which stands still for a bus that is frozen. */
  get clock(): Clock {
    return this.#process.clock;
  }

  get ear(): string {
    return this.#ear;
  }

  get isKilled(): boolean {
    return this.#process.isKilled;
  }

  start(receiver: Receiver): void {
    if (this.#receiver) return;
    this.#receiver = receiver;
    this.#network.join(this);
  }

  async stop(): Promise<void> {
    this.#network.leave(this);
  }

  readonly send: Send = (address, body, expiresMs) =>
    this.#whenRunning(() => this.#network.send(this, address, body, expiresMs));

  broadcast(body: Uint8Array, expiresMs: number): Promise<Sent> {
    return this.#whenRunning(() => this.#network.broadcast(this, body, expiresMs));
  }

  /** Nothing is ever missing here. */
  async repair(): Promise<void> {}

  async tryLock(name: string): Promise<WireLock | undefined> {
    if (this.#ear === "") throw unavailable(`Cannot have the lock ${name}: the broker is away`, { lock: name });
    return this.#whenRunning(async () => this.#network.lock(this, name));
  }

  /** A message comes, which nobody wants any more after `expiresMs`. */
  arrive(address: string, body: Uint8Array, expiresMs: number): void {
    if (address === this.#ear) this.run(() => this.#receiver?.onHeard(body));
    if (address !== this.inbox) return;
    if (this.#busy < this.#places) this.#take(body);
    else this.#waiting.push({ body, dueMs: this.#network.clock.now() + expiresMs });
  }

  onConnected(): void {
    this.#ear = crypto.randomUUID();
    this.#tell({ is: "up" });
  }

  onDisconnected(reason: string): void {
    this.#ear = "";
    this.#waiting = [];
    this.#tell({ is: "away", reason });
  }

  run(action: () => void): void {
    this.#process.run(action);
  }

  freeze(): void {
    this.#process.freeze();
  }

  thaw(): void {
    this.#process.thaw();
  }

  kill(): void {
    this.#process.kill();
  }

  /** It has left the broker and will be begun, however late. */
  #take(body: Uint8Array): void {
    this.#busy++;
    this.run(() => {
      void this.#receiver?.onRequest(body, this.send).then(() => {
        this.#busy--;
        this.#takeNext();
      });
    });
  }

  #takeNext(): void {
    const nowMs = this.#network.clock.now();
    this.#waiting = this.#waiting.filter(({ dueMs }) => dueMs > nowMs);
    const next = this.#waiting.shift();
    if (next) this.#take(next.body);
  }

  #whenRunning<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => this.run(() => resolve(work())));
  }

  #tell(state: Pick<BusState, "is" | "reason">): void {
    this.#receiver?.onState({ ...state, sinceMs: this.#network.clock.now() });
  }
}
