import { hostname } from "node:os";
import type { AMQPProperties } from "../kit/amqp.ts";

/** One task for a worker. */
export interface TaskMessage {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** For people, in events and logs; no secrets, cut at 1024 characters. */
  readonly argsRepr: string;
  readonly kwargsRepr: string;
  /** ISO 8601 with an offset, as `expires`. */
  readonly eta?: string;
  readonly expires?: string;
  /** 0 to 255; the higher the sooner. */
  readonly priority?: number;
  /** Added to the message's headers; those of Celery win. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

export interface EncodedTask {
  readonly body: Uint8Array;
  readonly properties: AMQPProperties;
}

/** All properties of a message share one frame of 8 KB. */
const REPR_BYTES = 1024;
const ORIGIN = `cyme@${hostname()}`;
const PERSISTENT = 2;
const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null };

/**
 * The message of Celery's protocol 2 (celery/app/amqp.py `as_task_v2`), persistent; `replyTo` is the queue that workers
 * send results to. It has no AMQP expiration: the broker would drop it in silence, a worker reports it as REVOKED.
 */
export function encodeTask(message: TaskMessage, replyTo: string): EncodedTask {
  const { id, task, args, kwargs, priority } = message;
  return {
    body: new TextEncoder().encode(pythonReadable([args, kwargs, EMBED])),
    properties: {
      contentType: "application/json",
      contentEncoding: "utf-8",
      deliveryMode: PERSISTENT,
      correlationId: id,
      replyTo,
      ...(priority === undefined ? {} : { priority }),
      headers: {
        ...message.headers,
        lang: "py",
        task,
        id,
        shadow: null,
        eta: message.eta ?? null,
        expires: message.expires ?? null,
        group: null,
        group_index: null,
        retries: 0,
        timelimit: [null, null],
        root_id: id,
        parent_id: null,
        argsrepr: cut(message.argsRepr),
        kwargsrepr: cut(message.kwargsRepr),
        origin: ORIGIN,
        ignore_result: false,
      },
    },
  };
}

/**
 * JSON without the halves of characters that JavaScript's strings may hold: Python reads them, and then cannot write them
 * anywhere. They become U+FFFD, as in every other way out of here.
 */
function pythonReadable(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes("\\ud")) return text;
  return text.replaceAll(/\\(?:ud[0-9a-f]{3}|.)/g, (escape) => (escape.length > 2 ? "\ufffd" : escape));
}

function cut(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= REPR_BYTES) return text;
  // A character that was cut through is left out.
  return new TextDecoder().decode(bytes.subarray(0, REPR_BYTES), { stream: true });
}
