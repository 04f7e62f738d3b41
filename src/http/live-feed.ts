import type { Controller } from "../controller/controller.ts";
import type { Who } from "../domain/access.ts";
import { CymeError } from "../domain/errors.ts";
import type { Log } from "../kit/log.ts";
import { EventStream } from "./event-stream.ts";
import { Journal } from "./live-journal.ts";
import { differences, eventText, NO_ITEMS, type LiveItem, type LiveItems, type Mask } from "./live-items.ts";
import { NewsEvents, newsSince, NO_POSITION, parsePosition, type NewsPosition } from "./live-news.ts";
import { OtherItems, type LiveAnswer } from "./live-others.ts";
import { Places } from "./places.ts";
import { OwnItems, SharedItems, type OwnParts } from "./live-own.ts";

export interface FeedParts extends OwnParts {
  readonly controller: OwnParts["controller"] & Pick<Controller, "taskList" | "samples">;
  readonly log: Log;
}

/** Who reads a stream of events. */
export interface Reader {
  readonly who: Who;
  /** Takes out what the reader may not see; undefined for one who may see all. The same for all who see the same. */
  readonly mask: Mask | undefined;
  /** Asked now and then: whether the reader may still read. */
  readonly mayRead: () => Promise<boolean>;
  /** Asked before all that is told: whether the reader is to be told nothing more. */
  readonly isShut: () => boolean;
  /** Aborted when the reader has left, or the server ends. */
  readonly until: AbortSignal;
}

interface Listener {
  readonly stream: EventStream;
  readonly reader: Reader;
}

const LOOK_MS = 1_000;
/** In looks. */
const OTHERS_EVERY = 3;
const QUEUES_EVERY = 5;
const ALIVE_EVERY = 15;
/** One that is frozen is not to keep readers from seeing the others. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 2_000;
const encoder = new TextEncoder();

/**
 * Tells readers of a stream of server-sent events all that there is, and then what changes. One look a second, however many read; none
 * while nobody does.
 */
export class Feed {
  readonly #parts: FeedParts;
  readonly #own: OwnItems;
  readonly #shared: SharedItems;
  readonly #others: OtherItems;
  readonly #journal = new Journal();
  readonly #listeners = new Set<Listener>();
  readonly #places = new Places("the events");
  /** What readers have been told that there is, and of what that was made. */
  #told: LiveItems = NO_ITEMS;
  #sources: readonly LiveItems[] = [];
  #toldSilent = "";
  /** Whether there are instances which one branch has no more, and another is known to have that did not say so yet. */
  #isMoving = false;
  #news: { position: NewsPosition; readonly events: NewsEvents } = noNews();
  /** What the workers of this branch use. */
  #samples: LiveItem | undefined;
  #looks = 0;
  #cancelLook = () => {};
  /** Resolves once it is known what others have; undefined while nobody reads. */
  #started: Promise<void> | undefined;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#own = new OwnItems(parts);
    this.#shared = new SharedItems(parts);
    this.#others = new OtherItems({ live: parts.controller.live, log: parts.log });
  }

  /** A stream for a reader; throws `unavailable` where too many read, and where no daemon runs. */
  open(reader: Reader): ReadableStream<Uint8Array> {
    if (this.#parts.controller.branches.own().pid === null) throw noDaemon();
    const free = this.#places.take(reader.who);
    const stream = new EventStream(() => {
      free();
      this.#leave(listener);
    });
    const listener: Listener = { stream, reader };
    if (reader.until.aborted) {
      stream.end();
      return stream.body;
    }
    reader.until.addEventListener("abort", () => stream.end(), { once: true });
    this.#look();
    this.#listeners.add(listener);
    stream.begin(encoder.encode(`retry: ${RETRY_MS}\n\n${this.#all(reader.mask)}`));
    // What others have comes as changes, where it is not known yet.
    this.#started ??= this.#start();
    void this.#started.then(() => stream.begin(encoder.encode(eventText("ready", "{}"))));
    return stream.body;
  }

  /** What another branch is told that asks with `{"after","news"}`, the positions of the last answer; of all without one. */
  answer(question: unknown): LiveAnswer {
    this.#journal.update(this.#own.look());
    const { after, news } = (question ?? {}) as { after?: unknown; news?: unknown };
    const part = this.#journal.since(typeof after === "string" ? after : undefined);
    return { ...part, news: newsSince(this.#parts, parsePosition(news)) };
  }

  /** As far as they say so soon. */
  async #start(): Promise<void> {
    this.#lookLater();
    this.#count();
    const gathered = new AbortController();
    const gathering = this.#others.gather().finally(() => gathered.abort());
    await Promise.race([gathering, this.#parts.clock.sleep(PATIENCE_MS, gathered.signal)]);
    this.#tryLook();
  }

  #lookLater(): void {
    this.#cancelLook = this.#parts.clock.after(LOOK_MS, () => {
      this.#looks++;
      if (this.#looks % OTHERS_EVERY === 0 || this.#others.isOld)
        void this.#others.gather().then(() => this.#tryLook());
      if (this.#looks % QUEUES_EVERY === 0) this.#count();
      this.#tryLook();
      if (this.#looks % ALIVE_EVERY === 0) this.#sayAlive();
      if (this.#listeners.size > 0) this.#lookLater();
    });
  }

  #count(): void {
    void this.#parts.controller.depths.count();
  }

  #tryLook(): void {
    try {
      this.#look();
    } catch (error) {
      this.#parts.log.error("what is live cannot be looked at", { error });
    }
  }

  /** Looks at all there is, and tells the readers what changed. */
  #look(): void {
    // Of a name that two have for a moment, what is here counts.
    const sources = [this.#shared.look(), this.#others.look(), this.#own.look()];
    const texts = new Texts();
    if (this.#isMoving || sources.some((items, at) => items !== this.#sources[at])) {
      this.#sources = sources;
      const items = new Map(sources.flatMap((source) => [...source]));
      const { changed, gone } = differences(this.#told, items);
      const moving = gone.filter(({ key }) => this.#others.isExpected(key));
      for (const item of moving) items.set(item.key, item);
      this.#isMoving = moving.length > 0;
      this.#told = items;
      for (const item of gone) if (!items.has(item.key)) texts.add(item.toldGone());
      texts.addItems(changed);
    }
    const silent = JSON.stringify({ branches: this.#others.silent });
    if (silent !== this.#toldSilent) texts.add(eventText("silent", silent));
    this.#toldSilent = silent;
    texts.addItems([...this.#ownNews(), ...this.#others.takeNews()]);
    this.#tell(texts);
  }

  /** The events of what happened here since the last look. */
  #ownNews(): LiveItem[] {
    const news = newsSince(this.#parts, this.#news.position);
    this.#news.position = news.position;
    const events = this.#news.events.of(news);
    this.#samples = events.find(({ event }) => event === "samples") ?? this.#samples;
    return events;
  }

  #tell(texts: Texts): void {
    for (const { stream, reader } of this.#listeners) {
      if (reader.isShut()) stream.end();
      else if (!texts.isEmpty) stream.write(texts.bytesFor(reader.mask));
    }
  }

  #all(mask: Mask | undefined): string {
    const items = [...this.#told.values(), ...(this.#samples ? [this.#samples] : []), ...this.#others.samples];
    return `${items.map((item) => item.told(mask)).join("")}${eventText("silent", this.#toldSilent)}`;
  }

  #sayAlive(): void {
    const alive = encoder.encode(": alive\n\n");
    for (const { stream, reader } of this.#listeners) {
      void reader.mayRead().then((may) => (may ? stream.write(alive) : stream.end()));
    }
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#cancelLook();
    this.#started = undefined;
    this.#news = noNews();
    this.#others.forget();
    this.#parts.controller.depths.forget();
  }
}

const noNews = () => ({ position: NO_POSITION, events: new NewsEvents() });

/** What is told at once, made once for all readers who may see the same. */
class Texts {
  readonly #texts: ((mask: Mask | undefined) => string)[] = [];
  readonly #bytes = new Map<Mask | undefined, Uint8Array>();

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  add(text: string): void {
    this.#texts.push(() => text);
  }

  addItems(items: readonly LiveItem[]): void {
    for (const item of items) this.#texts.push((mask) => item.told(mask));
  }

  bytesFor(mask: Mask | undefined): Uint8Array {
    const made = this.#bytes.get(mask);
    if (made) return made;
    const bytes = encoder.encode(this.#texts.map((text) => text(mask)).join(""));
    this.#bytes.set(mask, bytes);
    return bytes;
  }
}

const noDaemon = () =>
  new CymeError("unavailable", "No daemon runs here, so nothing can be followed: start it with `cyme branch`");
