import { deleteDirectQueue } from "../celery/topology.ts";
import type { Leftover } from "../store/leftovers.ts";
import type { Parts } from "./parts.ts";

/** How long the broker of a deleted instance is waited for. */
const PATIENCE_MS = 7 * 24 * 3_600_000;

/** Deletes, where their broker is up, the direct queues that deleted instances left; one that it refuses is left for later. */
export async function removeLeftovers(
  parts: Pick<Parts, "store" | "brokers" | "clock" | "log" | "settings">,
): Promise<void> {
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

/** Whether another branch has that name, so that what belongs to it on the broker is not ours. */
export function ownedElsewhere({ store, settings }: Pick<Parts, "store" | "settings">, name: string): boolean {
  return store.owners.isOfAnother(name, settings.branchId);
}

type Removing = Pick<Parts, "store" | "brokers" | "settings">;

async function removeLeftover(parts: Removing, leftover: Leftover): Promise<void> {
  const { store, brokers } = parts;
  const { link } = brokers.use(leftover.broker);
  const name = leftover.queue.replace(/^dq\./, "");
  const isUsedAgain = store.instances.get(name) !== undefined || ownedElsewhere(parts, name);
  if (!isUsedAgain) {
    if (link.state.is !== "up") return;
    await deleteDirectQueue(link, leftover.queue);
  }
  store.write(() => store.leftovers.remove(leftover));
}
