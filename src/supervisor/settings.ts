import type { Broker } from "../domain/broker.ts";
import type { Rate } from "../domain/rate.ts";

/** What the branch was started with, as far as the supervisor goes by it. */
export interface SupervisorSettings {
  readonly branchId: string;
  /** Absolute. */
  readonly instanceDir: string;
  /** The folder of the module that every worker gets, absolute. */
  readonly webhookDir: string;
  readonly defaultBroker: Broker;
  /** How to call Celery where nobody said so: words. */
  readonly defaultCommand: string;
  readonly intervalMs: number;
  readonly restartMaxRate: Rate;
  /** After this time an instance that died too often is enabled again; 0 for never. */
  readonly retryDisabledMs: number;
  readonly waitAfterBrokerRevivedMs: number;
  readonly unresponsiveAfterMs: number;
  /** The environment that workers inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
