import { brokerUrl } from "../../domain/broker.ts";
import type { BrokerAnswer } from "../types.ts";

/** What an app gives its instances; null is back to the default. */
export interface AppSettings {
  /** `amqp://user:password@host:port/virtual_host`. */
  readonly broker?: string | null;
  /** Words for `celery worker`, split as by a shell. */
  readonly arguments?: string | null;
  /** Celery settings, `key=value` words. */
  readonly extraConfig?: string | null;
  /** How to call Celery. */
  readonly command?: string | null;
  /** Absolute path where workers run. */
  readonly cwd?: string | null;
  readonly env?: Readonly<Record<string, string>> | null;
  /** Seconds that running tasks get when a worker is stopped. */
  readonly stopTimeout?: number | null;
}

/** What an instance has of its own; what it does not have is as on its app. */
export interface InstanceSettings extends AppSettings {
  /** Id of the branch that is to have it. */
  readonly branch?: string | null;
  /** `prefork`, `threads`, `solo`, `eventlet` or `gevent`. */
  readonly pool?: string | null;
  /** Declared queues to consume from, or their names. */
  readonly queues?: readonly Named[] | null;
  readonly maxConcurrency?: number | null;
  readonly minConcurrency?: number | null;
  readonly isEnabled?: boolean | null;
  /** How often its worker may die, as `1/m`. */
  readonly restartMaxRate?: string | null;
  /** The user of the machine that its worker runs as. */
  readonly user?: string | null;
  /** Bytes, also as `512M`, above which its worker is replaced. */
  readonly maxMemory?: number | string | null;
  /** Seconds after which its worker is replaced. */
  readonly maxAge?: number | null;
}

/** How a queue is declared; what is left out has its default. */
export interface QueueSettings {
  readonly exchange?: string | null;
  readonly exchangeType?: string | null;
  readonly routingKey?: string | null;
  /** As in kombu's `entry_to_queue`. */
  readonly options?: Readonly<Record<string, unknown>> | null;
}

/** Something with a name, or the name alone. */
export type Named = string | { readonly name: string };

export const nameOf = (one: Named) => (typeof one === "string" ? one : one.name);

type Snake<S extends string> = S extends `${infer A}${infer B}`
  ? `${A extends Lowercase<A> ? A : `_${Lowercase<A>}`}${Snake<B>}`
  : S;

/** Settings under the names that the API has for them: `stopTimeout` is `stop_timeout`. */
export function parametersOf<T extends object>(settings: T): { [K in keyof T as Snake<K & string>]: T[K] } {
  const entries = Object.entries(settings).map(([name, value]) => [snake(name), value]);
  return Object.fromEntries(entries) as { [K in keyof T as Snake<K & string>]: T[K] };
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** An answer of the API, but that its broker is a URL. */
export type Info<A> = Readonly<Omit<A, "broker"> & { broker: string }>;

export const infoOf = <A extends { readonly broker: BrokerAnswer }>(answer: A): Info<A> => ({
  ...answer,
  broker: urlOf(answer.broker),
});

/** The URL of a broker, without a password where the API does not tell it. */
function urlOf({ scheme, hostname, port, userid, password, virtual_host: virtualHost }: BrokerAnswer): string {
  const url = brokerUrl({ scheme, hostname, port, userid, password: password ?? "", virtualHost });
  return password === null ? url.replace(":@", "@") : url;
}
