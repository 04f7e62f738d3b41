import type { BrokerPool } from "../celery/brokers.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Processes } from "../kit/processes.ts";
import type { Store } from "../store/store.ts";
import type { SupervisorSettings } from "./settings.ts";

/** What the supervisor and its keepers work with. */
export interface Parts {
  readonly store: Store;
  readonly processes: Processes;
  readonly brokers: BrokerPool;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: SupervisorSettings;
}
