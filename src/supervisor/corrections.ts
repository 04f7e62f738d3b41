import type { BrokerConnection } from "../celery/brokers.ts";
import { addConsumerArguments, declareQueue } from "../celery/topology.ts";
import type { Queue } from "../domain/queue.ts";
import { directQueue } from "../domain/names.ts";
import { AmqpRefused, type Link } from "../kit/amqp.ts";
import type { Bounds } from "./plan.ts";

const ANSWER_MS = 1500;

/** Something about a running worker that is set right by remote control. */
export type Correction =
  | { readonly do: "consume"; readonly queue: Queue }
  | { readonly do: "consume again"; readonly queues: readonly Queue[] }
  | { readonly do: "cancel"; readonly queue: string }
  | { readonly do: "scale"; readonly bounds: Bounds; readonly shrinkTo?: number };

/**
 * Tells a worker; resolves to its answer, undefined where it gave none. Rejects AmqpAway, and AmqpRefused where the
 * broker refuses the queue: the worker was then told nothing, since it would die of it.
 */
export async function correct(
  { link, control }: BrokerConnection,
  node: string,
  correction: Correction,
): Promise<unknown> {
  const tell = async (method: string, args: Record<string, unknown>) => {
    const { replies } = await control.ask(method, args, [node], ANSWER_MS);
    return replies.get(node);
  };
  switch (correction.do) {
    case "consume":
      return consume(link, correction.queue, tell);
    case "consume again": {
      // Celery takes a queue that it lists for one that it consumes from, so only one that was left is consumed from anew.
      const answers = [];
      for (const queue of correction.queues) {
        await tell("cancel_consumer", { queue: queue.name });
        answers.push(await consume(link, queue, tell));
      }
      return answers;
    }
    case "cancel":
      return tell("cancel_consumer", { queue: correction.queue });
    case "scale": {
      const { bounds, shrinkTo } = correction;
      if (shrinkTo !== undefined) await tell("autoscale", { max: shrinkTo, min: Math.min(bounds.min, shrinkTo) });
      return tell("autoscale", { ...bounds });
    }
    default:
      return correction satisfies never;
  }
}

type Tell = (method: string, args: Record<string, unknown>) => Promise<unknown>;

async function consume(link: Link, queue: Queue, tell: Tell): Promise<unknown> {
  if (isQuorum(queue)) refuseOldCelery(await tell("report", {}));
  try {
    // Its direct queue it has declared itself, in whatever way its configuration says, and does so again.
    if (!queue.name.startsWith(DIRECT)) await declareQueue(link, queue);
  } catch (error) {
    // An exclusive queue is locked for us by whoever has it: this worker, which was told a moment ago?
    const list = () => tell("active_queues", {});
    if (isLocked(error) && (await consumesSoon(list, queue))) return ALREADY;
    throw error;
  }
  return tell("add_consumer", addConsumerArguments(queue));
}

/** What the names of direct queues begin with, and no others. */
const DIRECT = directQueue("");

/** The direct queue of an instance as a declaration: what Celery makes of a name after `-Q`. */
export function directQueueOf(app: string, instance: string): Queue {
  const name = directQueue(instance);
  return { app, name, exchange: name, exchangeType: "direct", routingKey: name, options: null, createdAtMs: 0 };
}

const ALREADY = { ok: "it consumes from it already" };
const RESOURCE_LOCKED = 405;

const isLocked = (error: unknown) => error instanceof AmqpRefused && error.replyCode === RESOURCE_LOCKED;

/** A worker lists a queue a moment after it has declared it: that many answers are a good while. */
const ASKED_TIMES = 20;

async function consumesSoon(list: () => Promise<unknown>, queue: Queue): Promise<boolean> {
  for (let times = 0; times < ASKED_TIMES; times++) {
    const answer = await list();
    if (consumes(answer, queue)) return true;
    // One that does not answer has no more of our time.
    if (answer === undefined) return false;
  }
  return false;
}

/** Whether the answer to `active_queues` lists the queue. */
const consumes = (answer: unknown, { name }: Queue) =>
  Array.isArray(answer) && answer.some((queue: { name?: unknown } | null) => queue?.name === name);

const isQuorum = ({ options }: Queue) => options?.queue_arguments?.["x-queue-type"] === "quorum";

/** What RabbitMQ answers to a consumer with a global prefetch, NOT_IMPLEMENTED. */
const NOT_IMPLEMENTED = 540;
const FIRST_WITH_QUORUM = [5, 5];

/** Older workers lose their connection over a quorum queue, again and again. `report` is their text about themselves. */
function refuseOldCelery(report: unknown): void {
  const [, version, major, minor] = /celery:((\d+)\.(\d+)\S*)/.exec(JSON.stringify(report) ?? "") ?? [];
  if (version === undefined || Bun.semver.order(`${major}.${minor}.0`, `${FIRST_WITH_QUORUM.join(".")}.0`) >= 0) return;
  const first = FIRST_WITH_QUORUM.join(".");
  throw new AmqpRefused(NOT_IMPLEMENTED, `Celery ${version} cannot consume from quorum queues, ${first} and newer can`);
}

/** What the broker refused, else the error goes on. */
export function refusal(error: unknown): { words: string; costsConnection: boolean } {
  if (!(error instanceof AmqpRefused)) throw error;
  return { words: error.replyText, costsConnection: !CLOSES_CHANNEL.has(error.replyCode) };
}

/** AMQP 0-9-1: access refused, not found, locked, precondition failed. Other refusals close the whole connection. */
const CLOSES_CHANNEL = new Set([403, 404, 405, 406]);
