import { isIP } from "node:net";
import type { Json } from "../bus/bus.ts";
import { factsOf, type Cluster } from "../cluster/cluster.ts";
import type { OwnAddress } from "../domain/webhook.ts";
import type { KnownBranch } from "../store/known-branches.ts";

/**
 * Where the HTTP APIs of the other branches listen, as far as that is said by an address: the module of URL tasks takes names
 * for this machine's. Of one that is away, or cannot be heard of without the bus, where it last did.
 */
export function otherAddresses(
  cluster: Pick<Cluster, "branchId" | "members">,
  known: readonly KnownBranch[],
): OwnAddress[] {
  const last = known.flatMap(({ id, url, isForgotten }) => (isForgotten ? [] : [[id, url] as const]));
  // What is said now counts.
  const now = cluster.members().map(({ id, facts }) => [id, factsOf(facts)["url"] ?? null] as const);
  const others = [...new Map<string, unknown>([...last, ...now])].filter(([id]) => id !== cluster.branchId);
  return others.flatMap(([, url]) => (typeof url === "string" ? addressOf(url) : []));
}

/**
 * Calls back when another branch comes or goes, or says that it listens elsewhere: not with each heartbeat, which tells of its load.
 */
export function onAddress(cluster: Pick<Cluster, "onMember">, changed: () => void): void {
  const urls = new Map<string, Json | undefined>();
  cluster.onMember((change, { id, facts }) => {
    const { url } = factsOf(facts);
    if (change === "changed" && urls.get(id) === url) return;
    if (change === "left") urls.delete(id);
    else urls.set(id, url);
    changed();
  });
}

function addressOf(url: string): OwnAddress[] {
  if (!URL.canParse(url)) return [];
  const { hostname: bracketed, port, protocol } = new URL(url);
  const host = bracketed.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) === 0 && host !== "localhost") return [];
  return [{ host, port: Number(port) || (protocol === "https:" ? 443 : 80) }];
}
