import { brokerLabel, brokerUrl, type Broker } from "../domain/broker.ts";
import type { App } from "../domain/app.ts";
import { conflict } from "../domain/errors.ts";
import { sameQueue, type Queue } from "../domain/queue.ts";
import { AmqpAway, AmqpRefused, untilTried, type Link } from "../kit/amqp.ts";
import { appBroker, type CallOptions, type Parts } from "./context.ts";

const CONNECT_MS = 5_000;

/** Two apps may share a queue of one broker only if they mean the same by its name; else `conflict`. */
export function refuseDifferent(parts: Pick<Parts, "store" | "defaultBroker">, app: App, queue: Queue): void {
  const { store } = parts;
  const broker = appBroker(parts, app);
  for (const other of store.queues.namesakes(app.name, queue.name)) {
    const owner = store.apps.get(other.app);
    if (!owner || sameQueue(queue, other) || brokerUrl(appBroker(parts, owner)) !== brokerUrl(broker)) continue;
    throw conflict(`App "${other.app}" declares queue "${queue.name}" differently on ${brokerLabel(broker)}`, {
      queue: queue.name,
      app: other.app,
    });
  }
}

/**
 * Runs `declare` on the broker; what it refuses is a `conflict` in its own words. Resolves to why it could not be asked,
 * undefined where it was. A broker that was just named is given up to 5 s of the caller's time to connect.
 */
export async function declareOrRefuse(
  { brokers, clock }: Pick<Parts, "brokers" | "clock">,
  broker: Broker,
  queue: Queue,
  options: CallOptions,
  declare: (link: Link, queue: Queue) => Promise<void>,
): Promise<AmqpAway | undefined> {
  const { link } = brokers.use(broker);
  await untilTried(link, clock, Math.min(CONNECT_MS, options.timeoutMs));
  try {
    await declare(link, queue);
  } catch (error) {
    if (error instanceof AmqpRefused) {
      throw conflict(`The broker refuses queue "${queue.name}": ${error.replyText}`, {
        queue: queue.name,
        broker_says: error.replyText,
      });
    }
    if (error instanceof AmqpAway) return error;
    throw error;
  }
  return undefined;
}

/** Throws `conflict` where the broker answers and refuses the login or the virtual host; one that is away may be right. */
export async function refuseBadLogin(
  { brokers, clock }: Pick<Parts, "brokers" | "clock">,
  broker: Broker,
  options: CallOptions,
): Promise<void> {
  const { link } = brokers.use(broker);
  await untilTried(link, clock, Math.min(CONNECT_MS, options.timeoutMs));
  const { state } = link;
  if (state.is !== "away" || !state.refused) return;
  throw conflict(`The broker refuses the branch: ${state.reason}`, { broker: brokerLabel(broker), stored: false });
}
