import type { App } from "./app.ts";
import { brokerLabel } from "./broker.ts";
import { show } from "./errors.ts";
import type { Queue } from "./queue.ts";
import type { Token } from "./token.ts";
import type { User } from "./user.ts";
import type { Stamp } from "./version.ts";

/** What every branch keeps a copy of, in the order in which they are taken over: queues belong to apps. */
export const DEFINITION_KINDS = ["app", "queue", "user", "token"] as const;
type DefinitionKind = (typeof DEFINITION_KINDS)[number];

/** Names a definition among all. */
export interface DefinitionId {
  readonly kind: DefinitionKind;
  /** `shop` of an app, `shop/orders` of its queue: names hold no slash. Of users and tokens the name. */
  readonly key: string;
}

/** When a definition was last changed; what it is stands elsewhere. */
export interface DefinitionStamp extends DefinitionId, Stamp {}

/** What it was at that version; null where it was deleted. */
export type Definition =
  | (DefinitionStamp & { readonly kind: "app"; readonly value: App | null })
  | (DefinitionStamp & { readonly kind: "queue"; readonly value: Queue | null })
  | (DefinitionStamp & { readonly kind: "user"; readonly value: User | null })
  | (DefinitionStamp & { readonly kind: "token"; readonly value: Token | null });

export const appId = (app: string): DefinitionId => ({ kind: "app", key: app });
export const queueId = (app: string, queue: string): DefinitionId => ({ kind: "queue", key: `${app}/${queue}` });

export const userId = (name: string): DefinitionId => ({ kind: "user", key: name });
export const tokenId = (name: string): DefinitionId => ({ kind: "token", key: name });

/** Of an app or a queue: the app and, of a queue, its name. */
export function namesOf({ key }: DefinitionId): { app: string; queue: string } {
  const [app = "", queue = ""] = key.split("/");
  return { app, queue };
}

/** In which definitions are taken over: each app before its queues. */
export function inOrder(a: DefinitionId, b: DefinitionId): number {
  if (a.kind !== b.kind) return DEFINITION_KINDS.indexOf(a.kind) - DEFINITION_KINDS.indexOf(b.kind);
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/**
 * What of `lost` is not so in `kept`, for the log: without passwords, and of variables the names of those that differ. What
 * `lost` says nothing of is left out.
 */
export function lostFields(lost: Definition, kept: Definition): Record<string, unknown> {
  if (lost.value === null) return kept.value === null ? {} : { deletion: true };
  const [was, is, shown] = [fieldsOf(lost), fieldsOf(kept), shownFields(lost, kept)];
  const differing = Object.keys(was).filter((name) => was[name] !== null && !Bun.deepEquals(was[name], is[name]));
  return Object.fromEntries(differing.map((name) => [name, show(shown[name])]));
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf({ kind, value }: Definition): Fields {
  if (value === null) return {};
  switch (kind) {
    case "app":
      return appFields(value);
    case "queue":
      return queueFields(value);
    case "user":
      return { role: value.role, password: value.hash };
    case "token":
      return { role: value.role, token: value.hash, expires_at: value.expiresAtMs };
    default:
      return kind satisfies never;
  }
}

/** The fields of `lost` as they may stand in a log. */
function shownFields(lost: Definition, kept: Definition): Fields {
  if (lost.kind === "user") return { ...fieldsOf(lost), password: "…" };
  if (lost.kind === "token") return { ...fieldsOf(lost), token: "…" };
  if (lost.kind === "queue" || lost.value === null) return fieldsOf(lost);
  const { broker, env } = lost.value;
  const others = kept.kind === "app" ? (kept.value?.env ?? {}) : {};
  const variables = Object.entries(env ?? {}).filter(([name, value]) => value !== others[name]);
  return {
    ...appFields(lost.value),
    broker: broker && brokerLabel(broker),
    env: variables.map(([name]) => name).toSorted(),
  };
}

const appFields = ({ broker, env, arguments: words, extraConfig, command, cwd, stopTimeoutS }: App) => ({
  broker,
  arguments: words,
  extra_config: extraConfig,
  command,
  cwd,
  env,
  stop_timeout: stopTimeoutS,
});

const queueFields = ({ exchange, exchangeType, routingKey, options }: Queue) => ({
  exchange,
  exchange_type: exchangeType,
  routing_key: routingKey,
  options,
});
