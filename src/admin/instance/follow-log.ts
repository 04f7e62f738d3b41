import { errorOf, PAGE_HEADERS } from "../api/request.ts";
import { LogLines } from "./log-lines.ts";

const LINES = 1000;
const AGAIN_MS = 2000;
const SHOW_MS = 100;

interface Listener {
  /** With all that is to be shown, at most ten times a second. */
  readonly onLines: (lines: LogLines["lines"]) => void;
  /** With why it is not followed just now; null while it is. */
  readonly onTrouble: (why: string | null) => void;
}

/** Follows a log until `left` is aborted; begins anew, with what is there then, where the connection is lost. */
export async function followLog(place: string, { onLines, onTrouble }: Listener, left: AbortSignal): Promise<void> {
  while (!left.aborted) {
    try {
      await readLog(`${place}?follow=1&lines=${LINES}`, onLines, () => onTrouble(null), left);
      onTrouble("The branch has ended the connection; trying again");
    } catch (error) {
      if (left.aborted) return;
      onTrouble(error instanceof Error ? error.message : String(error));
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

async function readLog(
  url: string,
  onLines: Listener["onLines"],
  onOpen: () => void,
  left: AbortSignal,
): Promise<void> {
  const response = await fetch(url, { headers: PAGE_HEADERS, credentials: "same-origin", signal: left });
  if (!response.ok || !response.body) throw errorOf(response.status, await response.json().catch(() => null));
  onOpen();
  const log = new LogLines();
  let showing: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    showing = undefined;
    if (!left.aborted) onLines(log.lines);
  };
  const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await chunks.read(); !part.done; part = await chunks.read()) {
    log.add(part.value);
    showing ??= setTimeout(show, SHOW_MS);
  }
  show();
}
