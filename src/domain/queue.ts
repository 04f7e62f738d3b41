import { invalid, show } from "./errors.ts";
import { flag, given, object, text, type Params } from "./fields.ts";

/** A queue declaration: what instances of an app can be told to consume from. */
export interface Queue {
  readonly app: string;
  readonly name: string;
  readonly exchange: string;
  readonly exchangeType: string;
  readonly routingKey: string;
  readonly options: QueueOptions | null;
  readonly createdAtMs: number;
}

/** The options of kombu's `entry_to_queue` (kombu/compat.py, kombu/entity.py `Queue.from_dict`) but `bindings`. */
interface QueueOptions {
  readonly durable?: boolean;
  readonly queue_durable?: boolean;
  readonly exchange_durable?: boolean;
  readonly auto_delete?: boolean;
  readonly queue_auto_delete?: boolean;
  readonly exchange_auto_delete?: boolean;
  readonly exclusive?: boolean;
  readonly no_ack?: boolean;
  readonly binding_key?: string;
  readonly delivery_mode?: number | string;
  readonly queue_arguments?: Record<string, unknown>;
  readonly exchange_arguments?: Record<string, unknown>;
  readonly binding_arguments?: Record<string, unknown>;
  readonly consumer_arguments?: Record<string, unknown>;
}

/** What of a declaration can be given; a missing field stays, or takes its default on a new queue. */
export interface QueueChange {
  readonly exchange?: string;
  readonly exchangeType?: string;
  readonly routingKey?: string;
  readonly options?: QueueOptions | null;
}

export const QUEUE_PARAMS = ["exchange", "exchange_type", "routing_key", "options"] as const;

const EXCHANGE_TYPE = /^(direct|topic|fanout|headers|x-[a-z][a-z-]{0,60})$/;
/** AMQP's short strings: names and keys. */
const SHORT_STRING_BYTES = 255;
/** A command of AMQP must fit into one frame, with the names beside the arguments. */
const ARGUMENT_BYTES = 2000;

/** Throws `invalid`. Exchange and routing key default to the queue's name, the type to `direct`. */
export function parseQueueChange(name: string, params: Params): QueueChange {
  return {
    ...renamed(
      "exchange",
      given(params, "exchange", name, (key, raw) => shortString(key, raw) ?? name),
    ),
    ...renamed("exchangeType", given(params, "exchange_type", "direct", exchangeType)),
    ...renamed(
      "routingKey",
      given(params, "routing_key", name, (key, raw) => shortString(key, raw) ?? name),
    ),
    ...given(params, "options", null, parseOptions),
  };
}

/** The declaration after a change; `before` is undefined for a new queue. */
export function changedQueue(
  id: { app: string; name: string; nowMs: number },
  before: Queue | undefined,
  change: QueueChange,
): Queue {
  const { app, name, nowMs } = id;
  const base = before ?? {
    app,
    name,
    exchange: name,
    exchangeType: "direct",
    routingKey: name,
    options: null,
    createdAtMs: nowMs,
  };
  return { ...base, ...change };
}

/** Whether both say the same to broker and workers. */
export function sameQueue(a: Queue, b: Queue): boolean {
  return Bun.deepEquals(
    [a.exchange, a.exchangeType, a.routingKey, a.options],
    [b.exchange, b.exchangeType, b.routingKey, b.options],
  );
}

function renamed<K extends string, T>(key: K, field: Record<string, T>): { [P in K]?: T } {
  const values = Object.values(field);
  return (values.length === 0 ? {} : { [key]: values[0] }) as { [P in K]?: T };
}

function shortString(name: string, raw: unknown): string | null {
  const value = text(name, raw);
  if (value !== null && Buffer.byteLength(value) > SHORT_STRING_BYTES) {
    throw invalid(name, `at most ${SHORT_STRING_BYTES} bytes`, raw);
  }
  return value;
}

function exchangeType(name: string, raw: unknown): string {
  const value = text(name, raw) ?? "direct";
  if (!EXCHANGE_TYPE.test(value)) throw invalid(name, "direct, topic, fanout, headers or x-…", raw);
  return value;
}

type OptionParser = (name: string, raw: unknown) => unknown;

function deliveryMode(name: string, raw: unknown): unknown {
  if ([1, 2, "transient", "persistent"].includes(raw as number)) return raw;
  throw invalid(name, '1, 2, "transient" or "persistent"', raw);
}

const OPTION_PARSERS: Record<keyof QueueOptions, OptionParser> = {
  durable: flag,
  queue_durable: flag,
  exchange_durable: flag,
  auto_delete: flag,
  queue_auto_delete: flag,
  exchange_auto_delete: flag,
  exclusive: flag,
  no_ack: flag,
  binding_key: shortString,
  delivery_mode: deliveryMode,
  queue_arguments: argumentTable,
  exchange_arguments: argumentTable,
  binding_arguments: argumentTable,
  consumer_arguments: argumentTable,
};

function argumentTable(name: string, raw: unknown): Record<string, unknown> {
  const table = object(name, raw);
  for (const [key, value] of Object.entries(table)) {
    if (Buffer.byteLength(key) > 128) throw invalid(name, "argument names of at most 128 bytes", key);
    if (value === null) throw invalid(name, `a value for ${show(key)}`, value);
  }
  if (Buffer.byteLength(JSON.stringify(table)) > ARGUMENT_BYTES) {
    throw invalid(name, `at most ${ARGUMENT_BYTES} bytes of JSON`);
  }
  refuseHugeNumbers(name, table);
  return table;
}

/** Throws `invalid` for numbers that neither JSON keeps exactly nor Python's client could send: a worker would die of them. */
export function refuseHugeNumbers(name: string, value: unknown): void {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw invalid(name, `whole numbers up to ${Number.MAX_SAFE_INTEGER}`, value);
  }
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) refuseHugeNumbers(name, part);
  }
}

function parseOptions(name: string, raw: unknown): QueueOptions | null {
  if (raw === "") return null;
  const options = object(name, raw);
  const parsed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTION_PARSERS, key)) {
      const hint = key === "bindings" ? " (a worker cannot take bindings over remote control)" : "";
      throw invalid(name, `only ${Object.keys(OPTION_PARSERS).join(", ")}${hint}`, key);
    }
    if (value === null) continue;
    parsed[key] = OPTION_PARSERS[key as keyof QueueOptions](`${name}.${key}`, value);
  }
  return Object.keys(parsed).length === 0 ? null : parsed;
}
