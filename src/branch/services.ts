import { brokerLabel } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import type { TaskBrokers } from "../celery/task-brokers.ts";
import type { HttpServer } from "../http/server.ts";
import { StoreReplaced, type Store } from "../store/store.ts";
import type { Parts } from "./compose.ts";
import { turning, type Service, type Trouble } from "./watchdog.ts";

/** Longer than any try to connect, with what is waited before the next one. */
const LINK_MS = 60_000;
/** Results are pruned once a minute. */
const RESULTS_MS = 5 * 60_000;
/** A round that takes longer than this many intervals, and at least a minute, is stuck. */
const STUCK_INTERVALS = 10;
const STUCK_MS = 60_000;

/** The parts of a daemon that are watched over, for the watchdog to call at each look. */
export function services(
  { store, supervisor, cluster, results, brokers, taskBrokers }: Parts<TaskBrokers>,
  servers: readonly HttpServer[],
  intervalMs: number,
): () => readonly Service[] {
  const fixed: Service[] = [
    { name: "store", ask: async () => storeTrouble(store) },
    { name: "supervisor", ask: turning(() => supervisor.rounds, Math.max(STUCK_MS, STUCK_INTERVALS * intervalMs)) },
    { name: "bus", ask: turning(() => cluster.busTurns, LINK_MS) },
    { name: "results", ask: turning(() => results.prunes, RESULTS_MS) },
    ...servers.map((server) => ({ name: server.name, ask: () => server.ask().then(() => undefined) })),
  ];
  const links = new Links();
  return () => [
    ...fixed,
    ...brokers.inUse().map(({ broker, link }) => links.service(`broker ${brokerLabel(broker)}`, link)),
    ...taskBrokers.inUse().map(({ broker, link }) => links.service(`tasks over ${brokerLabel(broker)}`, link)),
  ];
}

/** Keeps what is known of a link from one look to the next. */
class Links {
  readonly #asks = new WeakMap<object, Service["ask"]>();

  service(name: string, link: { readonly turns: number }): Service {
    const ask = this.#asks.get(link) ?? turning(() => link.turns, LINK_MS);
    this.#asks.set(link, ask);
    return { name, ask };
  }
}

/** A full disk, or a folder that is gone, does not get better by another process; another database in its place does. */
function storeTrouble(store: Store): Trouble | undefined {
  try {
    store.check();
    return undefined;
  } catch (error) {
    if (error instanceof CymeError && !(error instanceof StoreReplaced)) return { trouble: error.message };
    throw error;
  }
}
