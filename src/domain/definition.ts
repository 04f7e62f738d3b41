import type { App } from "./app.ts";
import { brokerLabel } from "./broker.ts";
import { show } from "./errors.ts";
import type { Queue } from "./queue.ts";
import type { Stamp } from "./version.ts";

/** What every branch keeps a copy of. Apps come first, since queues belong to them. */
export const DEFINITION_KINDS = ["app", "queue"] as const;
type DefinitionKind = (typeof DEFINITION_KINDS)[number];

/** Names a definition among all. */
export interface DefinitionId {
  readonly kind: DefinitionKind;
  /** `shop` of an app, `shop/orders` of its queue: names hold no slash. */
  readonly key: string;
}

/** When a definition was last changed; what it is stands elsewhere. */
export interface DefinitionStamp extends DefinitionId, Stamp {}

/** An app or a queue as it was at that version; null where it was deleted. */
export type Definition =
  | (DefinitionStamp & { readonly kind: "app"; readonly value: App | null })
  | (DefinitionStamp & { readonly kind: "queue"; readonly value: Queue | null });

export const appId = (app: string): DefinitionId => ({ kind: "app", key: app });
export const queueId = (app: string, queue: string): DefinitionId => ({ kind: "queue", key: `${app}/${queue}` });

/** The app and, of a queue, its name. */
export function namesOf({ key }: DefinitionId): { app: string; queue: string } {
  const [app = "", queue = ""] = key.split("/");
  return { app, queue };
}

/** In which definitions are taken over: each app before its queues. */
export function inOrder(a: DefinitionId, b: DefinitionId): number {
  if (a.kind !== b.kind) return a.kind === "app" ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/** What of `lost` is not so in `kept`, for the log: without passwords, without values of variables. */
export function lostFields(lost: Definition, kept: Definition): Record<string, unknown> {
  if (lost.value === null) return kept.value === null ? {} : { deletion: true };
  const [was, is] = [shownFields(lost), kept.value === null ? {} : shownFields(kept)];
  return Object.fromEntries(Object.entries(was).filter(([field, value]) => value !== is[field]));
}

/** What a definition says, as texts; what only says null is left out. */
function shownFields({ kind, value }: Definition): Record<string, string> {
  if (value === null) return {};
  const fields = kind === "app" ? appFields(value) : queueFields(value);
  const given = Object.entries(fields).filter(([, field]) => field !== null);
  return Object.fromEntries(given.map(([name, field]) => [name, show(field)]));
}

function appFields({ broker, env, arguments: words, extraConfig, command, cwd, stopTimeoutS }: App) {
  return {
    broker: broker && brokerLabel(broker),
    arguments: words,
    extra_config: extraConfig,
    command,
    cwd,
    env: env && Object.keys(env).toSorted(),
    stop_timeout: stopTimeoutS,
  };
}

const queueFields = ({ exchange, exchangeType, routingKey, options }: Queue) => ({
  exchange,
  exchange_type: exchangeType,
  routing_key: routingKey,
  options,
});
