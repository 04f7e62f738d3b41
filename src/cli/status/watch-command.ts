import { systemClock as clock } from "../../kit/clock.ts";
import type { ClientCall } from "../command.ts";
import type { JsonRecord } from "../record.ts";
import { watchStatus } from "./watch.ts";

/** `cyme status --watch`: until Ctrl-C or `q`, which is no error. Throws `invalid` where there is no terminal to show it on. */
export async function watch({ client, io, stage }: ClientCall): Promise<undefined> {
  const { write, look, onResize, quitByKey } = stage();
  // It came as JSON.
  const status = async () => (await client.workers.status()) as unknown as JsonRecord;
  const events = (onEvent: (event: string) => void) => client.events(({ event }) => onEvent(event));
  const endKeys = quitByKey();
  try {
    await watchStatus({ status, events, write, look, onResize, signal: io.signal, clock });
  } finally {
    endKeys();
  }
  return undefined;
}
