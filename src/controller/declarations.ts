import { brokerLabel, brokerUrl } from "../domain/broker.ts";
import type { App } from "../domain/app.ts";
import { conflict } from "../domain/errors.ts";
import { sameQueue, type Queue } from "../domain/queue.ts";
import { AmqpAway, AmqpRefused } from "../kit/amqp.ts";
import { appBroker, type Parts } from "./context.ts";

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

/** Runs `declare`; what the broker refuses is a `conflict` in its own words. False where the broker is away. */
export async function declareOrRefuse(declare: () => Promise<void>, queue: string): Promise<boolean> {
  try {
    await declare();
    return true;
  } catch (error) {
    if (error instanceof AmqpRefused) {
      throw conflict(`The broker refuses queue "${queue}": ${error.replyText}`, {
        queue,
        broker_says: error.replyText,
      });
    }
    if (error instanceof AmqpAway) return false;
    throw error;
  }
}
