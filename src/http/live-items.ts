/** Takes out of a value what its reader may not see. */
export type Mask = (value: unknown) => unknown;

/** One thing as it is shown live: an instance, an app, a queue, a branch, or how this branch does. */
export class LiveItem {
  /** Tells it from all others. */
  readonly key: string;
  readonly event: string;
  readonly value: unknown;
  readonly json: string;
  readonly #names: string;
  #masked: string | undefined;

  /** `names` are the fields of `value` that tell it from others of its kind; none where there is one alone. */
  constructor(event: string, names: Readonly<Record<string, string>>, value: unknown) {
    this.event = event;
    this.value = value;
    this.json = JSON.stringify(value);
    this.#names = JSON.stringify(names);
    this.key = keyOf(event, names);
  }

  get names(): Readonly<Record<string, string>> {
    return JSON.parse(this.#names) as Record<string, string>;
  }

  /** What tells a reader that it is there, or is so now; masked where a mask is given, always the same one. */
  told(mask: Mask | undefined): string {
    if (mask) this.#masked ??= JSON.stringify(mask(this.value));
    return eventText(this.event, (mask && this.#masked) ?? this.json);
  }

  /** What tells a reader that it is there no more. */
  toldGone(): string {
    return eventText(`${this.event}-gone`, this.#names);
  }
}

export const keyOf = (event: string, names: Readonly<Record<string, string>>) => `${event} ${JSON.stringify(names)}`;

/** By key. Never changed: what is no other map holds no other items. */
export type LiveItems = ReadonlyMap<string, LiveItem>;

export const NO_ITEMS: LiveItems = new Map();

/** An event of a stream of server-sent events; JSON has no line ends of its own. */
export const eventText = (event: string, json: string) => `event: ${event}\ndata: ${json}\n\n`;

/** `fresh`, where an item that is as before is the item from before; and `before` itself where nothing changed at all. */
export function renewed(before: LiveItems, fresh: Iterable<LiveItem>): LiveItems {
  const after = new Map<string, LiveItem>();
  let isSame = true;
  for (const item of fresh) {
    const known = before.get(item.key);
    const isKnown = known === item || known?.json === item.json;
    isSame &&= isKnown;
    after.set(item.key, isKnown && known ? known : item);
  }
  return isSame && after.size === before.size ? before : after;
}

export interface Differences {
  readonly changed: readonly LiveItem[];
  readonly gone: readonly LiveItem[];
}

export function differences(before: LiveItems, after: LiveItems): Differences {
  const changed = [...after.values()].filter(({ key, json }) => before.get(key)?.json !== json);
  const gone = [...before.values()].filter(({ key }) => !after.has(key));
  return { changed, gone };
}
