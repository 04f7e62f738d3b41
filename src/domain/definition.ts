/** What every branch keeps a copy of. Apps come first, since queues belong to them. */
export const DEFINITION_KINDS = ["app", "queue"] as const;
export type DefinitionKind = (typeof DEFINITION_KINDS)[number];

/** Names a definition among those of its kind; names hold no slash. */
export const queueKey = (app: string, queue: string) => `${app}/${queue}`;

/** The app and, of a queue, its name. */
export function partsOfKey(key: string): { app: string; queue: string | undefined } {
  const [app = "", queue] = key.split("/");
  return { app, queue };
}
