import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { MemoryNetwork } from "../../src/bus/memory-network.ts";
import { ManualClock } from "../../src/kit/clock.ts";
import { SimulatedCluster, type Network } from "./simulated.ts";

/** Branches on one bus in memory. */
export class MemoryCluster extends SimulatedCluster<MemoryBus> {
  override readonly network: MemoryNetwork & Network<MemoryBus>;

  /** Branches that are up and know each other, and the app `shop` on each. */
  static async of(...ids: string[]): Promise<MemoryCluster> {
    const cluster = new MemoryCluster(new ManualClock());
    for (const id of ids) await cluster.add(id);
    return cluster;
  }

  private constructor(clock: ManualClock) {
    const network = new MemoryNetwork(clock);
    super({
      clock,
      network,
      openBus: (options) => new MemoryBus(options, network),
      pass: (ms) => clock.advance(ms),
    });
    this.network = network;
  }
}
