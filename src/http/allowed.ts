import type { Who } from "../domain/access.ts";
import { CymeError } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";

const EVERY_MS = 10_000;
/** Of somebody who may all since nobody is known, which is soon told, and may be over any moment. */
const OPEN_EVERY_MS = 1_000;

/** Whether who asks is who it was. Where that cannot be told just now it is to be asked again. */
export function isStillAllowed(who: Who, identify: () => Promise<Who>): Promise<boolean> {
  return identify().then(
    ({ name, role }) => name === who.name && role === who.role,
    (error: unknown) => !(error instanceof CymeError && error.code === "unauthorized"),
  );
}

/**
 * For an answer that goes on: aborted when its reader has left, and soon after the reader may not see it any more, since the session
 * has ended, or the user or token was changed, deleted or expired.
 */
export function whileAllowed(who: Who, identify: () => Promise<Who>, left: AbortSignal, clock: Clock): AbortSignal {
  const everyMs = who.by === "open" ? OPEN_EVERY_MS : EVERY_MS;
  const ended = new AbortController();
  const look = async () => {
    if (await isStillAllowed(who, identify)) later();
    else ended.abort();
  };
  let cancel = () => {};
  const later = () => {
    if (!ended.signal.aborted) cancel = clock.after(everyMs, () => void look());
  };
  const leave = () => {
    cancel();
    ended.abort();
  };
  left.addEventListener("abort", leave, { once: true });
  if (left.aborted) leave();
  later();
  return ended.signal;
}
