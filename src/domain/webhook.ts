import { isIP } from "node:net";
import { invalid } from "./errors.ts";

/** What URL tasks may reach: hosts that a pattern is for, where * stands for anything, or the addresses of a network. */
export type WebhookAllow = { readonly host: string } | { readonly network: string };

/** Where the HTTP API of a branch listens, which URL tasks do not reach by themselves. */
export interface OwnAddress {
  readonly host: string;
  readonly port: number;
}

const WANTED = "host names, which may hold *, addresses and networks such as *.example.com, 10.0.0.0/8, fd00::/8";

/**
 * Reads the values of `--webhook-allow`, each of which may hold several, separated by commas. Null, everything but what is always
 * refused, where there are none; throws `invalid` naming `parameter`.
 */
export function parseWebhookAllow(parameter: string, values: readonly string[]): WebhookAllow[] | null {
  const words = values.flatMap((value) => value.split(",")).map((word) => word.trim());
  if (words.length === 0) return null;
  return words.map((word) => {
    const allowed = parseNetwork(word) ?? parseHost(word);
    if (!allowed) throw invalid(parameter, word === "" ? `${WANTED}; left out, nothing is restricted` : WANTED, word);
    return allowed;
  });
}

function parseNetwork(word: string): WebhookAllow | undefined {
  const [, bracketed, plain, prefixText] = /^(?:\[([^\][/]*)\]|([^\][/]*))(?:\/(\d{1,3}))?$/.exec(word) ?? [];
  const address = bracketed ?? plain ?? "";
  const version = isIP(address);
  // A zone names an interface, not an address.
  if (version === 0 || address.includes("%") || (bracketed !== undefined && version !== 6)) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefix > bits) return undefined;
  return { network: `${masked(address, version, prefix)}/${prefix}` };
}

/** The network's first address: `10.1.2.3/8` means 10.0.0.0/8, and Python takes only the latter. */
function masked(address: string, version: number, prefix: number): string {
  const [groups, width] = version === 4 ? [address.split(".").map(Number), 8] : [groupsOf(address), 16];
  const kept = groups.map((group, index) => {
    const bits = Math.min(width, Math.max(0, prefix - index * width));
    return group & (((1 << bits) - 1) << (width - bits));
  });
  return version === 4 ? kept.join(".") : kept.map((group) => group.toString(16)).join(":");
}

/** The eight groups of an IPv6 address in any spelling. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const numbers = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? "")];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

const LABELS = /^[a-z0-9_*-]+(?:\.[a-z0-9_*-]+)*$/;

/** Names of digits alone are addresses, and `10.*` would be for 10.example.com too. */
function parseHost(word: string): WebhookAllow | undefined {
  const host = word.toLowerCase().replace(/(?<=.)\.$/, "");
  const isAddressLike = /^[0-9.*]*\d[0-9.*]*$/.test(host) || /^0x[0-9a-f]*(?:\.|$)/.test(host);
  return LABELS.test(host) && host.length <= 253 && !isAddressLike ? { host } : undefined;
}
