import type { Clock } from "../kit/clock.ts";
import type { MemoryWire } from "./memory-wire.ts";
import type { Sent, WireLock } from "./wire.ts";

/** The broker gives up a connection of which it has heard nothing for so long. */
const BROKER_PATIENCE_MS = 25_000;
const RECONNECT_MS = 500;

/** One end of the network, as tests see it. */
interface Bus {
  readonly wire: MemoryWire;
}

/** Its two ends, of which the broker may have given up one of which the other does not know. */
interface Line {
  readonly wire: MemoryWire;
  /** To the broker, as the broker sees it. */
  isConnected: boolean;
  isCut: boolean;
  delayMs: number;
  isLosing: boolean;
  group: number;
  cancelPatience: () => void;
}

interface Held {
  readonly line: Line;
  readonly lost: AbortController;
}

/**
 * What a broker is to the members of a MemoryBus, with switches for what may go wrong. Messages need no time unless they are
 * told to.
 */
export class MemoryNetwork {
  readonly clock: Clock;
  readonly #lines = new Map<MemoryWire, Line>();
  readonly #taps = new Map<string, (body: Uint8Array) => void>();
  readonly #locks = new Map<string, Held[]>();
  #isAway = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Splits the members: those in different groups do not hear each other, and think that their messages were taken. Who is in
   * none is in the first; without any, all are together. Of those who then hold one lock in one group the first keeps it.
   */
  partition(...groups: readonly (readonly Bus[])[]): void {
    for (const line of this.#lines.values()) {
      const group = groups.findIndex((buses) => buses.some(({ wire }) => wire === line.wire));
      line.group = Math.max(0, group);
    }
    for (const [name, held] of this.#locks) {
      const firsts = new Map(held.toReversed().map((own) => [own.line.group, own]));
      for (const own of held) {
        if (firsts.get(own.line.group) !== own) this.#lose(name, own);
      }
    }
  }

  /** As SIGSTOP does. After some time the broker gives its connection up. */
  freeze({ wire }: Bus): void {
    wire.freeze();
    const line = this.#line(wire);
    line.cancelPatience = this.clock.after(BROKER_PATIENCE_MS, () => this.#disconnect(line, "the broker gave it up"));
  }

  thaw({ wire }: Bus): void {
    this.#line(wire).cancelPatience();
    wire.thaw();
  }

  /** As SIGKILL does: the broker knows at once, and nobody says goodbye. */
  kill({ wire }: Bus): void {
    wire.kill();
    this.leave(wire);
  }

  /** Cuts one member off from the broker, both of which know it. */
  cut({ wire }: Bus): void {
    const line = this.#line(wire);
    line.isCut = true;
    this.#disconnect(line, "the connection was closed");
  }

  mend({ wire }: Bus): void {
    const line = this.#line(wire);
    line.isCut = false;
    this.#connectLater(line);
  }

  /** What is sent to it comes so much later. */
  delay({ wire }: Bus, ms: number): void {
    this.#line(wire).delayMs = ms;
  }

  /** What is sent to it vanishes, though it was taken. */
  lose({ wire }: Bus, isLosing: boolean): void {
    this.#line(wire).isLosing = isLosing;
  }

  /** The broker goes, with its queues and all that is in them. */
  stopBroker(): void {
    this.#isAway = true;
    for (const line of this.#lines.values()) this.#disconnect(line, "the broker was stopped");
  }

  startBroker(): void {
    this.#isAway = false;
    for (const line of this.#lines.values()) this.#connectLater(line);
  }

  /** Puts a message of somebody else into the queue of that address, or, without one, into everybody's. */
  inject(address: string | undefined, body: Uint8Array): void {
    for (const line of this.#lines.values()) {
      const { inbox, ear } = line.wire;
      if (address === undefined) this.#deliver(line, ear, body, Infinity);
      else if (address === ear || address === inbox) this.#deliver(line, address, body, Infinity);
    }
  }

  /** Gives what is sent to that address to `onBody`. */
  tap(address: string, onBody: (body: Uint8Array) => void): void {
    this.#taps.set(address, onBody);
  }

  /** A wire starts. */
  join(wire: MemoryWire): void {
    const line: Line = {
      wire,
      isConnected: false,
      isCut: false,
      delayMs: 0,
      isLosing: false,
      group: 0,
      cancelPatience: () => {},
    };
    this.#lines.set(wire, line);
    queueMicrotask(() => this.#connect(line));
  }

  /** A wire goes for good. */
  leave(wire: MemoryWire): void {
    const line = this.#lines.get(wire);
    if (!line) return;
    line.cancelPatience();
    this.#disconnect(line, "the connection was stopped");
    this.#lines.delete(wire);
  }

  async send(from: MemoryWire, address: string, body: Uint8Array, expiresMs: number): Promise<Sent> {
    const sender = this.#lines.get(from);
    if (!sender?.isConnected) return "lost";
    const tap = this.#taps.get(address);
    if (tap) tap(body);
    const line = [...this.#lines.values()].find(({ wire }) => wire.ear === address || wire.inbox === address);
    if (!line?.isConnected) return tap ? "taken" : "returned";
    if (line.group === sender.group) this.#deliver(line, address, body, expiresMs);
    return "taken";
  }

  async broadcast(from: MemoryWire, body: Uint8Array, expiresMs: number): Promise<Sent> {
    const sender = this.#lines.get(from);
    if (!sender?.isConnected) return "lost";
    for (const line of this.#lines.values()) {
      if (line.group === sender.group && line.isConnected) this.#deliver(line, line.wire.ear, body, expiresMs);
    }
    return "taken";
  }

  /** Undefined where another of the group has it, or who asks is not connected. */
  lock(wire: MemoryWire, name: string): WireLock | undefined {
    const line = this.#lines.get(wire);
    const held = this.#locks.get(name) ?? [];
    if (!line?.isConnected || held.some(({ line: { group } }) => group === line.group)) return undefined;
    const own: Held = { line, lost: new AbortController() };
    this.#locks.set(name, [...held, own]);
    const release = async () => this.#unlock(name, own);
    return { lost: own.lost.signal, release };
  }

  #unlock(name: string, own: Held): void {
    const left = (this.#locks.get(name) ?? []).filter((held) => held !== own);
    if (left.length === 0) this.#locks.delete(name);
    else this.#locks.set(name, left);
  }

  #lose(name: string, own: Held): void {
    this.#unlock(name, own);
    own.line.wire.run(() => own.lost.abort());
  }

  #line(wire: MemoryWire): Line {
    const line = this.#lines.get(wire);
    if (!line) throw new Error("Cannot switch a bus that was not started, or has gone");
    return line;
  }

  #deliver(line: Line, address: string, body: Uint8Array, expiresMs: number): void {
    if (line.isLosing || line.delayMs > expiresMs) return;
    const arrive = () => {
      if (line.isConnected) line.wire.arrive(address, body, expiresMs - line.delayMs);
    };
    if (line.delayMs > 0) this.clock.after(line.delayMs, arrive);
    else queueMicrotask(arrive);
  }

  #connectLater(line: Line): void {
    line.wire.clock.after(RECONNECT_MS, () => this.#connect(line));
  }

  #connect(line: Line): void {
    if (this.#isAway || line.isCut || line.isConnected || !this.#lines.has(line.wire)) return;
    line.isConnected = true;
    line.wire.onConnected();
  }

  #disconnect(line: Line, reason: string): void {
    if (!line.isConnected) return;
    line.isConnected = false;
    for (const [name, held] of this.#locks) {
      for (const own of held.filter((one) => one.line === line)) this.#lose(name, own);
    }
    line.wire.run(() => {
      // Again, where one that was frozen has connected before it hears of this.
      line.isConnected = false;
      line.wire.onDisconnected(reason);
      this.#connectLater(line);
    });
  }
}
