import type { BrokerConnection } from "../celery/brokers.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { ProcessRow } from "../store/workers.ts";
import type { WorkerProcess } from "./worker-process.ts";

const ANSWER_MS = 1500;
/** A worker answers for up to 50 ms after it wrote that line, and its loop may take our question to turn (seen on Celery 5.2 and 5.7). */
const AGAIN_MS = 500;

/**
 * Whether somebody else has already sent this worker the one TERM that it gets. Its log says so, which a task may write as well; but one that
 * answers remote control is not ending. Where nobody can be asked the log is believed: a second TERM would end tasks on Celery 5.2.
 */
export async function isEnding(
  process: WorkerProcess,
  { node }: ProcessRow,
  { control, link }: BrokerConnection,
  clock: Clock,
): Promise<boolean> {
  if (!process.saysItIsEnding()) return false;
  if (node === null || link.state.is !== "up") return true;
  const answers = async () => (await control.ask("active_queues", {}, [node], ANSWER_MS)).replies.has(node);
  try {
    if (!(await answers())) return true;
    await clock.sleep(AGAIN_MS);
    return !(await answers());
  } catch (error) {
    if (error instanceof AmqpAway) return true;
    throw error;
  }
}
