import type { BusOptions } from "./bus.ts";
import { MemoryWire } from "./memory-wire.ts";
import type { MemoryNetwork } from "./memory-network.ts";
import { WireBus } from "./wire-bus.ts";

/**
 * The bus without a broker, for tests: the same but for what carries the messages. Members of a network share its clock,
 * which the test moves: a branch serves some 300 ms after its start, while calls need no time.
 */
export class MemoryBus extends WireBus {
  readonly wire: MemoryWire;

  constructor(options: Omit<BusOptions, "clock">, network: MemoryNetwork) {
    const incarnation = crypto.randomUUID();
    const { controllers, self } = options;
    const wire = new MemoryWire({ network, controllers, id: self.id, incarnation });
    super({ ...options, clock: wire.clock }, incarnation, wire);
    this.wire = wire;
  }

  /** What was killed needs no more time. */
  override stop(deadlineMs: number): Promise<void> {
    return this.wire.isKilled ? Promise.resolve() : super.stop(deadlineMs);
  }
}
