import { AmqpAway } from "../../src/kit/amqp.ts";

/**
 * The reason for which `work` was rejected with AmqpAway; throws where it was not. (`expect().rejects` would stop
 * everything else until the promise is settled.)
 */
export async function reasonOf(work: Promise<unknown>): Promise<string> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (!(outcome instanceof AmqpAway)) throw new Error(`AmqpAway was wanted, got ${String(outcome)}`);
  return outcome.reason;
}
