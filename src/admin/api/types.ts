import type { AppAnswer, BranchAnswer, InstanceAnswer, QueueAnswer } from "../../client/types.ts";

/*
 * What the branch tells the page, field by field as it is sent. Fields may be added by newer branches.
 */

export type Role = "viewer" | "operator" | "admin";

/** Who the page speaks for, and to which branch: GET /api/session/. */
export interface Session {
  readonly name: string | null;
  readonly role: Role;
  readonly by: string;
  readonly branch: string;
  readonly version: string;
  /** Everybody who reaches the branch is admin: there is nothing to log in to. */
  readonly is_open: boolean;
}

export interface Instance extends InstanceAnswer {
  /** One sentence: why it is not running as wished; null where it is. */
  readonly why: string | null;
  /** Stopped with all others until somebody starts it. */
  readonly is_held: boolean;
}

export type InstanceState = Instance["state"];

export type App = Omit<AppAnswer, "instances">;

export interface Queue extends QueueAnswer {
  readonly app: string;
  /** Null where the broker does not say. */
  readonly messages: number | null;
  readonly consumers: number | null;
}

export interface Branch extends Omit<BranchAnswer, "started_at" | "load_average" | "disk_use"> {
  readonly started_at: string | null;
  readonly load_average: readonly number[] | null;
  /** Percent. */
  readonly disk_use: number | null;
  readonly is_up: boolean;
}

interface Component {
  readonly state: string;
  readonly since: string;
  readonly why?: string;
}

export interface Health {
  readonly state: "ok" | "degraded" | "failed";
  readonly store: Component;
  readonly bus: Component;
  readonly supervisor: Component;
  readonly http: Component;
  readonly results: Component;
  readonly brokers: Readonly<Record<string, Component>>;
}

/** What a worker uses: percent of one core, bytes, tasks per second; null where nobody knows. */
export interface Sample {
  readonly cpu: number | null;
  readonly rss: number | null;
  readonly tasks: number | null;
}

export interface Samples {
  /** ISO 8601, or ms since the epoch. */
  readonly at: string | number;
  readonly instances: Readonly<Record<string, Sample>>;
}

/** The last hour of an instance: GET …/samples/. */
export interface SampleHistory {
  /** Seconds. */
  readonly interval: number;
  /** ms since the epoch. */
  readonly at: readonly number[];
  readonly cpu: readonly (number | null)[];
  readonly rss: readonly (number | null)[];
  readonly tasks: readonly (number | null)[];
}

export interface Task {
  readonly uuid: string;
  readonly app: string;
  readonly queue: string;
  readonly name: string | null;
  readonly method: string | null;
  readonly url: string | null;
  readonly state: string;
  readonly sent_at: string;
  readonly touched_at: string;
  readonly branch: string;
}
