import type { Controller } from "../controller/controller.ts";
import type { Presence } from "../controller/live.ts";
import { CymeError } from "../domain/errors.ts";
import type { Log } from "../kit/log.ts";
import type { Change } from "./live-journal.ts";
import { NewsEvents, NO_POSITION, parseNews, type News, type NewsPosition } from "./live-news.ts";
import { keyOf, LiveItem, NO_ITEMS, renewed, type LiveItems } from "./live-items.ts";

/** What a branch answers that is asked for what is live there. */
export interface LiveAnswer {
  readonly position: string;
  readonly isWhole: boolean;
  readonly isAll: boolean;
  readonly changes: readonly Change[];
  readonly news: News;
}

type OthersParts = { readonly live: Controller["live"]; readonly log: Log };

/** What was told by one branch. */
interface Mirror {
  readonly news: { readonly position: NewsPosition; readonly events: NewsEvents };
  /** What its workers use, as the value of an event; undefined where it did not say. */
  readonly samples: LiveItem | undefined;
  readonly position: string;
  readonly items: LiveItems;
  /** Whether `items` is all that was there when it was told. */
  readonly isAll: boolean;
}

const ASK_MS = 2_500;
/** More parts than that of one branch wait for the next time. */
const MAX_PARTS = 20;

/** The instances of other branches and these themselves, as they told it last. */
export class OtherItems {
  readonly #parts: OthersParts;
  readonly #mirrors = new Map<string, Mirror>();
  /** What was made for each branch that says nothing, and of what. */
  readonly #unheards = new Map<string, { owners: object; last: LiveItems; isUp: boolean; items: LiveItems }>();
  /** What happened there and was not taken yet. */
  #news: LiveItem[] = [];
  #expected: { of: object | undefined; keys: ReadonlySet<string> } = { of: undefined, keys: new Set() };
  /** The instances that others had when they were last asked. */
  #askedOf: object | undefined;
  #silent: readonly string[] = [];
  #gathering: Promise<void> | undefined;
  /** What the last look found of each branch, and all of it. */
  #last: readonly LiveItems[] = [];
  #items: LiveItems = NO_ITEMS;

  constructor(parts: OthersParts) {
    this.#parts = parts;
  }

  /** Branches that are away, or did not answer last, sorted. */
  get silent(): readonly string[] {
    return this.#silent;
  }

  /** Whether others have other instances by now than when they were last asked. */
  get isOld(): boolean {
    return this.#askedOf !== this.#parts.live.ofOthers();
  }

  /** Whether that is the key of an instance which another branch has, as all are told. */
  isExpected(key: string): boolean {
    const owners = this.#parts.live.ofOthers();
    if (this.#expected.of !== owners) {
      this.#expected = { of: owners, keys: new Set(owners.map(({ name }) => keyOf("instance", { name }))) };
    }
    return this.#expected.keys.has(key);
  }

  /** What their workers use, of each that said so. */
  get samples(): LiveItem[] {
    return [...this.#mirrors.values()].flatMap(({ samples }) => samples ?? []);
  }

  /** The events of what happened there since this was last asked. */
  takeNews(): LiveItem[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /** Asks all that are up what changed; one that is still being asked is not asked once more. Never rejects. */
  async gather(): Promise<void> {
    this.#gathering ??= this.#gather().finally(() => (this.#gathering = undefined));
    return this.#gathering;
  }

  /** Nobody looks any more. */
  forget(): void {
    this.#mirrors.clear();
    this.#unheards.clear();
    this.#last = [];
    this.#news = [];
    this.#silent = [];
    this.#items = NO_ITEMS;
  }

  /** The same map as before where nothing changed. Of a branch that did not say what it has, what is known of it, as `unknown`. */
  look(): LiveItems {
    const told = this.#parts.live.others().map((branch) => this.#told(branch));
    const isSame = told.length === this.#last.length && told.every((items, at) => items === this.#last[at]);
    if (isSame) return this.#items;
    this.#last = told;
    this.#items = renewed(
      this.#items,
      told.flatMap((items) => [...items.values()]),
    );
    return this.#items;
  }

  async #gather(): Promise<void> {
    this.#askedOf = this.#parts.live.ofOthers();
    const others = this.#parts.live.others();
    const silent = await Promise.all(others.map((other) => this.#hear(other)));
    this.#silent = silent.flat();
    const ids = new Set(others.map(({ id }) => id));
    for (const id of this.#mirrors.keys()) if (!ids.has(id)) this.#mirrors.delete(id);
  }

  /** Gives its id where it is silent. */
  async #hear({ id, isUp }: Presence): Promise<string[]> {
    if (!isUp) return [id];
    try {
      for (let part = 0; part < MAX_PARTS; part++) {
        const mirror = await this.#askPart(id);
        if (mirror.isAll) return [];
      }
      return [];
    } catch (error) {
      if (!(error instanceof CymeError)) this.#parts.log.error("a branch cannot be understood", { branch: id, error });
      return [id];
    }
  }

  async #askPart(id: string): Promise<Mirror> {
    const before = this.#mirrors.get(id);
    const events = before?.news.events ?? new NewsEvents();
    const question = { after: before?.position ?? null, news: { ...(before?.news.position ?? NO_POSITION) } };
    const answer = parseAnswer(await this.#parts.live.ask(id, question, ASK_MS));
    const { position, isWhole, isAll, changes, news } = answer;
    const happened = events.of(news);
    this.#news.push(...happened);
    const items = new Map(isWhole ? [] : before?.items);
    for (const [event, names, value] of changes) {
      const item = new LiveItem(event, names, value);
      if (value === null) items.delete(item.key);
      else items.set(item.key, item);
    }
    const samples = happened.find(({ event }) => event === "samples") ?? before?.samples;
    const mirror = { position, isAll, items, samples, news: { position: news.position, events } };
    this.#mirrors.set(id, mirror);
    return mirror;
  }

  /** Nothing of one that was not asked yet. */
  #told(branch: Presence): LiveItems {
    const { id, isUp } = branch;
    const mirror = this.#mirrors.get(id);
    if (isUp && mirror) return mirror.items;
    return isUp && !this.#silent.includes(id) ? NO_ITEMS : this.#unheard(branch, mirror?.items ?? NO_ITEMS);
  }

  /** A branch that says nothing: its instances by what is told of their names, as they were last where that is known. */
  #unheard({ id, isUp }: Presence, last: LiveItems): LiveItems {
    const owners = this.#parts.live.ofOthers();
    const known = this.#unheards.get(id);
    if (known?.owners === owners && known.last === last && known.isUp === isUp) return known.items;
    const instances = owners
      .filter((owner) => owner.branch === id)
      .map(({ name, app }) => {
        const before = last.get(keyOf("instance", { name }))?.value as object | undefined;
        // `since` was that of another state.
        const seen = { state: "unknown", pid: null, since: null, why: SILENT };
        const value = { ...unknownInstance(name, app, id), ...before, ...seen };
        return new LiveItem("instance", { name }, value);
      });
    const before = last.get(keyOf("branch", { id }))?.value as object | undefined;
    const branch = new LiveItem("branch", { id }, { ...NO_BRANCH, ...before, id, is_up: isUp });
    const items = renewed(NO_ITEMS, [branch, ...instances]);
    this.#unheards.set(id, { owners, last, isUp, items });
    return items;
  }
}

const SILENT = "its branch does not answer";
const NO_BRANCH = { url: null, port: null, version: null, instances: null, load_average: null, disk_use: null };

/** Nobody here knows more of it. */
const unknownInstance = (name: string, app: string, branch: string) => ({
  name,
  app,
  branch,
  is_enabled: null,
  queues: [],
  broker: null,
  since: null,
  restarts: 0,
  disabled_reason: null,
});

/** Throws TypeError where it is no answer. */
function parseAnswer(value: unknown): LiveAnswer {
  const { position, changes, isWhole, isAll, news } = (value ?? {}) as Partial<LiveAnswer>;
  if (typeof position !== "string" || !Array.isArray(changes)) throw new TypeError("What it says is live is no answer");
  return { position, isWhole: isWhole === true, isAll: isAll === true, changes, news: parseNews(news) };
}
