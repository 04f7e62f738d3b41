import type { Proof, Role } from "../domain/access.ts";
import type { Verb } from "../domain/task.ts";

/** Answers of the HTTP API, field by field as they are sent; fields may be added by newer branches. */

export interface Ok {
  readonly ok: string;
}

/** The answer to a write with nowait; an added instance has its name. */
export interface Scheduled extends Ok {
  readonly name?: string;
}

export interface BrokerAnswer {
  readonly scheme: "amqp" | "amqps";
  readonly hostname: string;
  readonly port: number;
  readonly userid: string;
  /** Null for who is not admin. */
  readonly password: string | null;
  readonly virtual_host: string;
}

interface WorkerSettings {
  readonly arguments: string | null;
  readonly extra_config: string | null;
  readonly command: string | null;
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string | null>> | null;
  readonly stop_timeout: number | null;
}

export interface UserAnswer {
  readonly name: string;
  readonly role: Role;
  readonly created_at: string;
}

export interface TokenAnswer extends UserAnswer {
  /** Null: never. */
  readonly expires_at: string | null;
}

export interface AuditAnswer {
  readonly at: string;
  /** Null where nobody was named. */
  readonly who: string | null;
  readonly role: Role | null;
  readonly by: Proof | null;
  readonly from: string | null;
  readonly branch: string;
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export interface NewTokenAnswer extends Omit<TokenAnswer, "created_at"> {
  readonly token: string;
}

export interface AppAnswer extends WorkerSettings {
  readonly name: string;
  readonly broker: BrokerAnswer;
  readonly instances: readonly string[];
  readonly queues: readonly string[];
}

export type InstanceState =
  "starting" | "running" | "unresponsive" | "backoff" | "stopping" | "stopped" | "disabled" | "unknown";

export interface InstanceAnswer extends WorkerSettings {
  readonly name: string;
  readonly app: string;
  readonly branch: string;
  readonly is_enabled: boolean;
  readonly queues: readonly string[];
  readonly broker: BrokerAnswer;
  readonly max_concurrency: number;
  readonly min_concurrency: number;
  readonly pool: string;
  /** How often its worker may die, as `1/m`; null is as on the branch. */
  readonly restart_max_rate: string | null;
  /** Whom its worker runs as; null is the user of the branch. */
  readonly user: string | null;
  /** Bytes above which its worker is replaced. */
  readonly max_memory: number | null;
  /** Seconds after which its worker is replaced. */
  readonly max_age: number | null;
  readonly created_at: string;
  readonly state: InstanceState;
  readonly pid: number | null;
  /** The worker that stands in for it while it is restarted. */
  readonly standin_pid: number | null;
  readonly since: string | null;
  readonly restarts: number;
  readonly disabled_reason: string | null;
}

export interface QueueAnswer {
  readonly name: string;
  readonly exchange: string;
  readonly exchange_type: string;
  readonly routing_key: string;
  readonly options: Readonly<Record<string, unknown>> | null;
  readonly created_at: string;
}

export interface BoundsAnswer {
  readonly max: number;
  readonly min: number;
}

export interface HistoryAnswer {
  readonly at: string;
  readonly did: string;
  readonly why: string;
  readonly evidence: unknown;
}

/** Of one worker, the oldest sample first; null where nothing is known. */
export interface SamplesAnswer {
  /** Seconds between two. */
  readonly interval: number;
  /** Milliseconds since the epoch. */
  readonly at: readonly number[];
  /** Percent of one core. */
  readonly cpu: readonly (number | null)[];
  /** Bytes. */
  readonly rss: readonly (number | null)[];
  /** Tasks begun in a second. */
  readonly tasks: readonly (number | null)[];
}

/** A task that was sent, without its result. */
export interface TaskRowAnswer extends StateAnswer {
  readonly uuid: string;
  readonly app: string;
  readonly queue: string;
  readonly name: string;
  /** Null of a task of the app's own, as `url`. */
  readonly method: Verb | null;
  readonly url: string | null;
  readonly sent_at: string;
  readonly touched_at: string;
  /** The one that sent it. */
  readonly branch: string;
}

/** What `/api/events/` tells of; docs/api.md has the data of each event. */
export interface EventAnswer {
  readonly event: string;
  readonly data: unknown;
}

export interface BranchAnswer {
  readonly id: string;
  readonly url: string | null;
  readonly port: number | null;
  readonly version: string;
  readonly loglevel: string;
  readonly logfile: string | null;
  readonly numc: number;
  readonly sup_interval: number;
  readonly started_at: string;
  readonly instances: number;
  readonly load_average: readonly number[];
  readonly disk_use: number;
}

/** One part of a branch, or a broker. */
interface ComponentAnswer {
  readonly state: string;
  /** What is the matter. */
  readonly why?: string;
}

export interface HealthAnswer {
  readonly state: "ok" | "degraded" | "failed";
  readonly store: ComponentAnswer;
  readonly bus: ComponentAnswer;
  readonly supervisor: ComponentAnswer;
  readonly http: ComponentAnswer;
  readonly results: ComponentAnswer;
  /** By address. */
  readonly brokers: Readonly<Record<string, ComponentAnswer>>;
}

/** The answer to starting, restarting or stopping all: the names of the instances. */
export interface AllAnswer extends Ok {
  readonly instances: readonly string[];
}

export interface StatusAnswer {
  readonly branch: Readonly<Record<string, unknown>>;
  /** Instances held stopped by `shutdown-all`. */
  readonly held: number | boolean;
  readonly instances: readonly Partial<InstanceAnswer>[];
  /** As of `/health/`; older branches send neither this nor what follows. */
  readonly health?: HealthAnswer;
  /** Of all apps; null where the broker does not say at once. */
  readonly queues?: readonly {
    readonly app: string;
    readonly name: string;
    readonly messages: number | null;
    readonly consumers: number | null;
  }[];
  readonly branches?: readonly OtherBranchAnswer[];
}

/** Another branch, as far as the one that was asked knows. */
interface OtherBranchAnswer {
  readonly id: string;
  /** Null where the branch that was asked is cut off itself. */
  readonly is_up: boolean | null;
  readonly url: string | null;
  readonly version: string | null;
  readonly instances: number;
  /** Of one that is away: since when it is. */
  readonly seen_at: string | null;
}

/** What was sent. Of HEAD and TRACE, whose answers have no body, only the uuid. */
export interface SentUrlAnswer {
  readonly uuid: string;
  /** Whole, with its query. */
  readonly url?: string;
  readonly queue?: string;
  readonly method?: Verb;
  /** The parameters of the query; of a repeated one a list. */
  readonly params?: Readonly<Record<string, string | readonly string[]>>;
  /** The body as text, in base64 where it is none; null without one. */
  readonly data?: string | null;
  readonly is_base64?: boolean;
  readonly broker?: BrokerAnswer;
}

export interface SentTaskAnswer {
  readonly uuid: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly queue: string;
  readonly broker: BrokerAnswer;
  /** Where results go, if not to Cyme, and what that means. */
  readonly result_backend?: string;
  readonly note?: string;
}

export interface StateAnswer {
  /** PENDING, RECEIVED, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, or one of the task's own. */
  readonly state: string;
}

export interface ResultAnswer {
  /**
   * Null while there is none. Of a URL task `{"status_code","url","headers","content","is_base64"}`, `url` after redirects,
   * `content` in base64 where `is_base64` says so.
   */
  readonly result: unknown;
  readonly error?: { readonly type: string; readonly message: string };
}

export interface TaskAnswer extends StateAnswer, ResultAnswer {
  readonly uuid: string;
}

/** Parameters of a task of the user's own app. */
export interface TaskParameters {
  /** A list, or the JSON text of one. */
  readonly args?: readonly unknown[] | string;
  readonly kwargs?: Readonly<Record<string, unknown>> | string;
  /** ISO 8601; not before. */
  readonly eta?: string;
  /** ISO 8601, or seconds from now; not after. */
  readonly expires?: string | number;
  /** 0 to 255. */
  readonly priority?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Parameters of a write; null is back to the default, numbers and flags may be text as in a form. */
export interface AppParameters {
  readonly broker?: string | null;
  readonly hostname?: string | null;
  readonly port?: number | string | null;
  readonly userid?: string | null;
  readonly password?: string | null;
  readonly virtual_host?: string | null;
  readonly arguments?: string | null;
  readonly extra_config?: string | null;
  readonly command?: string | null;
  readonly cwd?: string | null;
  readonly env?: Readonly<Record<string, string>> | null;
  readonly stop_timeout?: number | string | null;
}

export interface InstanceParameters extends Omit<
  AppParameters,
  "hostname" | "port" | "userid" | "password" | "virtual_host"
> {
  readonly branch?: string | null;
  readonly pool?: string | null;
  readonly queues?: readonly string[] | string | null;
  readonly max_concurrency?: number | string | null;
  readonly min_concurrency?: number | string | null;
  readonly is_enabled?: boolean | string | null;
  readonly restart_max_rate?: string | null;
  readonly user?: string | null;
  /** Bytes, also as `512M`. */
  readonly max_memory?: number | string | null;
  readonly max_age?: number | string | null;
}

export interface QueueParameters {
  readonly exchange?: string | null;
  readonly exchange_type?: string | null;
  readonly routing_key?: string | null;
  readonly options?: Readonly<Record<string, unknown>> | string | null;
}
