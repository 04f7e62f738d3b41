import { CymeError, conflict } from "../domain/errors.ts";
import type { Instance } from "../domain/instance.ts";
import type { Failure, Status } from "../supervisor/status.ts";
import { tellingLine } from "../supervisor/worker-log.ts";
import { refuseAway, waitFor, type CallOptions, type Parts } from "./context.ts";

type Seeing = Pick<Parts, "supervisor">;

/**
 * Waits until the worker is as the instance wishes, or until it has stopped where none is wanted. `queues` are those that
 * the change is about: that the broker refuses one of them is a `conflict`, while others were refused before it.
 */
export async function settle(
  parts: Seeing,
  instance: Instance,
  options: CallOptions,
  queues: readonly string[] = [],
): Promise<void> {
  if (!instance.isEnabled || instance.isHeld) return untilStopped(parts, instance.name, options);
  await waitFor(parts, instance.name, options, (status) => hasSettled(status, instance, queues) || undefined);
}

/** Whether what is seen of the instance is as it wishes; throws what `settle` throws. */
export const hasSettled = (status: Status | "gone", instance: Instance, queues: readonly string[]): boolean =>
  isSettled(alive(status, instance.name), instance, queues);

/** Whether a worker runs, answered, was started for the last restart that was asked for, and has nothing left to do. */
function isSettled(status: Status, instance: Instance, queues: readonly string[]): boolean {
  const refused = queues.find((queue) => status.refused.has(queue));
  if (refused !== undefined) {
    throw conflict(`The broker refuses queue "${refused}": ${status.refused.get(refused)}`, {
      queue: refused,
      stored: true,
    });
  }
  const { failedRestart, wishedSeq } = status;
  if (failedRestart?.seq === instance.restartSeq) throw restartGivenUp(instance.name, failedRestart.failure);
  if (wishedSeq < instance.restartSeq) {
    throw conflict(`The restart of "${instance.name}" was halted: its history says why`, { instance: instance.name });
  }
  // The worker before the change, perhaps on a broker that the change is to leave, is no matter of the caller.
  if (status.pid !== null && (status.restartSeq ?? 0) < instance.restartSeq) return false;
  refuseAway(status.link, { instance: instance.name, stored: true });
  return status.state === "running" && status.reply !== null && status.isInLine;
}

/** Waits until no process is left. */
export async function untilStopped(parts: Seeing, name: string, options: CallOptions): Promise<void> {
  await waitFor(parts, name, options, (status) => {
    if (status === "gone") return true;
    return status.pid === null && (status.state === "disabled" || status.state === "stopped") ? true : undefined;
  });
}

/** Waits until the instance is deleted. */
export async function untilGone(parts: Seeing, name: string, options: CallOptions): Promise<void> {
  await waitFor(parts, name, options, (status) => (status === "gone" ? true : undefined));
}

/** The status of an instance that still is; throws `worker-failed` where it was given up. */
export function alive(status: Status | "gone", name: string): Status {
  if (status === "gone") throw conflict(`Instance "${name}" was deleted meanwhile`, { instance: name });
  if (status.failure) throw workerFailed(name, status.failure);
  if (status.state === "disabled") throw conflict(`Instance "${name}" was disabled meanwhile`, { instance: name });
  return status;
}

function workerFailed(name: string, { why, log }: Failure): CymeError {
  const message = `The worker of "${name}" did not come up: ${why}${logWords(log)}`;
  return new CymeError("worker-failed", message, { instance: name, stored: true, log });
}

/** Of a rolling restart whose stand-in did not come up. */
function restartGivenUp(name: string, { why, log }: Failure): CymeError {
  const message = `"${name}" was not restarted, its worker goes on as it was: ${why}${logWords(log)}`;
  return new CymeError("worker-failed", message, { instance: name, stored: false, log });
}

function logWords(log: readonly string[]): string {
  const line = tellingLine(log) ?? log.at(-1);
  return line === undefined ? "" : `; its log says: ${line}`;
}
