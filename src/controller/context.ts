import type { BrokerPool } from "../celery/brokers.ts";
import type { Claims } from "../cluster/claims.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Owners } from "../cluster/owners.ts";
import type { App } from "../domain/app.ts";
import type { Broker } from "../domain/broker.ts";
import { CymeError, notFound, unavailable, type Facts } from "../domain/errors.ts";
import type { Instance } from "../domain/instance.ts";
import type { Queue } from "../domain/queue.ts";
import type { LinkState } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Store } from "../store/store.ts";
import type { Status } from "../supervisor/status.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";

/** What the controllers work with. */
export interface Parts {
  readonly store: Store;
  readonly brokers: BrokerPool;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly owners: Owners;
  readonly claims: Claims;
  readonly branchId: string;
  /** Absolute. */
  readonly instanceDir: string;
  /** The broker of apps that name none. */
  readonly defaultBroker: Broker;
}

/** How a caller wants an operation: without waiting for its effect, or with at most so long a wait. */
export interface CallOptions {
  readonly nowait: boolean;
  readonly timeoutMs: number;
  /** Takes the ids of branches that did not answer, so that what is answered is not all, or not all is done yet. */
  readonly silent?: Set<string>;
}

/** The app, or `not-found`; one that is being deleted is not found any more. */
export function findApp(store: Store, name: string): App {
  const app = store.apps.get(name);
  if (!app || app.isDeleted) throw notFound("app", name);
  return app;
}

/** The instance, or `not-found`; `app` is undefined where the caller did not name it. */
export function findInstance(store: Store, app: string | undefined, name: string): Instance {
  if (app !== undefined) findApp(store, app);
  const instance = store.instances.get(name);
  if (!instance || instance.isDeleted || (app !== undefined && instance.app !== app)) throw notFound("instance", name);
  return instance;
}

export function findQueue(store: Store, app: string, name: string): Queue {
  findApp(store, app);
  const queue = store.queues.get(app, name);
  if (!queue) throw notFound("queue", name);
  return queue;
}

/** The broker that instances of the app use unless they say otherwise. */
export const appBroker = ({ defaultBroker }: Pick<Parts, "defaultBroker">, app: App): Broker =>
  app.broker ?? defaultBroker;

/** Throws `unavailable` while the link is away; for a write, `stored` says whether the wish will be done. */
export function refuseAway(link: LinkState, facts: Facts = {}): void {
  if (link.is !== "away") return;
  const what = link.refused ? "The broker refuses the branch" : "The broker is away";
  throw unavailable(`${what}: ${link.reason}`, facts);
}

/**
 * Waits until `check` accepts what is seen of the instance. Throws what `check` throws, `timeout` (the wish is stored)
 * after the caller's time, and `unavailable` where the branch stops meanwhile.
 */
export async function waitFor<T>(
  { supervisor }: Pick<Parts, "supervisor">,
  name: string,
  options: CallOptions,
  check: (status: Status | "gone") => T | undefined,
): Promise<T> {
  let last: Status | "gone" | undefined;
  const result = await supervisor.until(name, (status) => check((last = status)), options.timeoutMs);
  if (result !== undefined) return result;
  if (supervisor.isStopped) {
    const message = `The branch is stopping: what was asked of "${name}" is done when it starts again`;
    throw unavailable(message, { instance: name, stored: true });
  }
  const state = last === undefined || last === "gone" ? "unknown" : last.state;
  const seconds = options.timeoutMs / 1000;
  throw new CymeError(
    "timeout",
    `Instance "${name}" is not there yet after ${seconds} s: it is ${state}; the branch goes on`,
    {
      instance: name,
      state,
      stored: true,
    },
  );
}
