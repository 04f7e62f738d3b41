import { bytesOf, type ForwardedAnswer } from "../domain/forward.ts";
import { LOG_POSITION } from "./worker-log.ts";

const LOOK_MS = 1_000;
/** So many times in a row the other branch may not answer. */
const MAX_FAILURES = 3;
const NOTHING_YET = new TextEncoder().encode("\n");

/**
 * A log on another branch, followed: its end, and then again and again what was added since, until the reader leaves or the
 * server ends. `ask` asks that branch with another query. The stream fails where the branch does not answer any more.
 */
export async function followElsewhere(
  { lines, signals }: { lines: string | undefined; signals: { left: AbortSignal; ending: AbortSignal } },
  ask: (query: Readonly<Record<string, string>>) => Promise<ForwardedAnswer>,
): Promise<Response> {
  const first = await ask(lines === undefined ? {} : { lines });
  const { status, headers } = first;
  let position = headers[LOG_POSITION];
  if (status !== 200 || position === undefined) return new Response(bytesOf(first.body), { status, headers });
  const until = AbortSignal.any([signals.left, signals.ending]);
  let failures = 0;
  const readNew = async (): Promise<Uint8Array> => {
    try {
      const answer = await ask({ after: position ?? "" });
      if (answer.status !== 200) throw new Error(`The branch answers ${answer.status}`);
      failures = 0;
      position = answer.headers[LOG_POSITION] ?? position;
      return bytesOf(answer.body);
    } catch (error) {
      if (++failures > MAX_FAILURES) throw error;
      return new Uint8Array();
    }
  };
  const begin = bytesOf(first.body);
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(begin.length > 0 ? begin : NOTHING_YET),
    async pull(controller) {
      for (;;) {
        await pause(LOOK_MS, until);
        if (until.aborted) return controller.close();
        const bytes = await readNew();
        if (bytes.length > 0) return controller.enqueue(bytes);
      }
    },
  });
  return new Response(stream, { headers });
}

/** Resolves after `ms`, or as soon as `signal` is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
