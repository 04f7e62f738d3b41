import { deleteDirectQueue } from "../celery/topology.ts";
import type { Leftover } from "../store/leftovers.ts";
import type { Parts } from "./parts.ts";

/** How long the broker of a deleted instance is waited for. */
const PATIENCE_MS = 7 * 24 * 3_600_000;

/** Deletes, where their broker is up, the direct queues that deleted instances left; one that it refuses is left for later. */
export async function removeLeftovers(parts: Pick<Parts, "store" | "brokers" | "clock" | "log">): Promise<void> {
  const { store, clock, log } = parts;
  const leftovers = store.leftovers.all();
  if (leftovers.length === 0) return;
  store.write(() => store.leftovers.forgetBefore(clock.now() - PATIENCE_MS));
  for (const leftover of leftovers) {
    try {
      await removeLeftover(parts, leftover);
    } catch (error) {
      log.warning("cannot delete a direct queue", { queue: leftover.queue, error });
    }
  }
}

async function removeLeftover({ store, brokers }: Pick<Parts, "store" | "brokers">, leftover: Leftover): Promise<void> {
  const { link } = brokers.use(leftover.broker);
  const isUsedAgain = store.instances.get(leftover.queue.replace(/^dq\./, "")) !== undefined;
  if (!isUsedAgain) {
    if (link.state.is !== "up") return;
    await deleteDirectQueue(link, leftover.queue);
  }
  store.write(() => store.leftovers.remove(leftover));
}
