import { isLoopback } from "../kit/loopback.ts";
import type { Incoming, Outgoing } from "./carrier.ts";

/** What Bun's fetch takes besides. */
type Init = RequestInit & { unix?: string; tls?: object; proxy?: false };

/** By Bun's fetch, which takes every verb, certificates and socket files. */
export async function fetchCarrier({ origin, target, body, tls, unix, ...rest }: Outgoing): Promise<Incoming> {
  const init: Init = {
    ...rest,
    redirect: "manual",
    // Where a kept connection is lost Bun sends what is no POST again by itself: then nobody knows what was done twice.
    keepalive: false,
    // The proxy of HTTP_PROXY would look for the branch on its own machine, and see the token.
    ...(isThisMachine(origin) ? { proxy: false } : {}),
    // Uncopied: fetch takes any bytes, its types only those that are not shared.
    ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
    ...(unix === undefined ? {} : { unix }),
    ...(tls === undefined ? {} : { tls: withoutAbsent(tls) }),
  };
  const response = await fetch(`${origin}${target}`, init);
  const { status, headers } = response;
  return { status, headers, text: () => response.text(), pieces: () => response.body ?? nothing() };
}

const isThisMachine = (origin: string) => isLoopback(new URL(origin).hostname.replace(/^\[(.*)\]$/, "$1"));

async function* nothing(): AsyncGenerator<Uint8Array> {}

const withoutAbsent = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
