import { bytesOf, type ForwardedAnswer } from "../domain/forward.ts";
import { LOG_END, LOG_POSITION } from "./worker-log.ts";

const LOOK_MS = 1_000;
/** So many times in a row the other branch may not answer. */
const MAX_FAILURES = 3;
const NOTHING_YET = new TextEncoder().encode("\n");

export interface LogWanted {
  readonly lines: string | undefined;
  readonly isFollowed: boolean;
  readonly signals: { readonly left: AbortSignal; readonly ending: AbortSignal };
}

/**
 * The end of a log on another branch, in parts that the bus carries; followed, then again and again what was added since,
 * until the reader leaves or the server ends. `ask` asks that branch with another query. The stream fails where the branch
 * does not answer any more.
 */
export async function logElsewhere(
  wanted: LogWanted,
  ask: (query: Readonly<Record<string, string>>) => Promise<ForwardedAnswer>,
): Promise<Response> {
  const { lines, isFollowed } = wanted;
  const first = await ask({ ...(lines === undefined ? {} : { lines }), parts: "1" });
  const { status, headers } = first;
  const { [LOG_POSITION]: position, [LOG_END]: end } = headers;
  const begin = bytesOf(first.body);
  const isWhole = position === undefined || end === undefined || (!isFollowed && !isBefore(position, end));
  if (status !== 200 || isWhole) return new Response(begin, { status, headers });
  return new Response(rest(wanted, { begin, position, end }, ask), { headers });
}

function rest(
  { isFollowed, signals }: LogWanted,
  first: { readonly begin: Uint8Array; readonly position: string; readonly end: string },
  ask: (query: Readonly<Record<string, string>>) => Promise<ForwardedAnswer>,
): ReadableStream<Uint8Array> {
  const { begin } = first;
  let { position, end } = first;
  let failures = 0;
  const readNew = async (): Promise<Uint8Array> => {
    try {
      const answer = await ask({ after: position });
      if (answer.status !== 200) throw new Error(`The branch answers ${answer.status}`);
      failures = 0;
      position = answer.headers[LOG_POSITION] ?? position;
      // Of one that is not followed no more is wanted than there was.
      if (isFollowed) end = answer.headers[LOG_END] ?? end;
      return bytesOf(answer.body);
    } catch (error) {
      if (++failures > MAX_FAILURES) throw error;
      return new Uint8Array();
    }
  };
  const until = AbortSignal.any([signals.left, signals.ending]);
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(begin.length > 0 ? begin : NOTHING_YET),
    async pull(controller) {
      for (;;) {
        const isBehind = isBefore(position, end);
        if (!isBehind && !isFollowed) return controller.close();
        if (!isBehind || failures > 0) await pause(LOOK_MS, until);
        if (until.aborted && isFollowed) return controller.close();
        // What is cut off is not to look whole.
        if (until.aborted) throw new Error("The branch is stopping");
        const bytes = await readNew();
        if (bytes.length > 0) return controller.enqueue(bytes);
      }
    },
  });
}

/** Whether one position lies before another of the same file. */
function isBefore(position: string, end: string): boolean {
  const [file, offset = 0] = position.split(":").map(Number);
  const [endFile, endOffset = 0] = end.split(":").map(Number);
  return file === endFile && offset < endOffset;
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
