import type { Ok, QueueAnswer, Scheduled } from "../types.ts";
import { taken, type CallOptions, type Link, type Nowait, type Waiting, type WriteOptions } from "./link.ts";
import { LABEL, Model } from "./model.ts";
import { Section } from "./section.ts";
import { parametersOf, type QueueSettings } from "./settings.ts";

/** The declaration of a queue, as it was when it was asked for. */
export class Queue extends Model {
  readonly #link: Link;
  readonly #app: string;
  #info: QueueAnswer;

  /** @internal */
  constructor(link: Link, app: string, info: QueueAnswer) {
    super();
    this.#link = link;
    this.#app = app;
    this.#info = info;
  }

  get name(): string {
    return this.#info.name;
  }

  get exchange(): string {
    return this.#info.exchange;
  }

  get exchangeType(): string {
    return this.#info.exchange_type;
  }

  get routingKey(): string {
    return this.#info.routing_key;
  }

  get options(): Readonly<Record<string, unknown>> | null {
    return this.#info.options;
  }

  /** The answer of the API. */
  get info(): QueueAnswer {
    return this.#info;
  }

  /** @internal */
  [LABEL](): string {
    return `Queue: ${this.name}`;
  }

  /** Asks how it is now. */
  async refresh(call?: CallOptions): Promise<this> {
    this.#info = await this.#link(call).queues(this.#app).get(this.name);
    return this;
  }

  /** Every instance of the app stops consuming from it. */
  async delete(call?: WriteOptions): Promise<Ok> {
    return this.#link(call).queues(this.#app).delete(this.name);
  }
}

/** The queues of one app. */
export class Queues extends Section<Queue> {
  readonly #link: Link;
  readonly #app: string;

  /** @internal */
  constructor(link: Link, app: string) {
    super();
    this.#link = link;
    this.#app = app;
  }

  async all(call?: CallOptions): Promise<Queue[]> {
    const all = await this.#link(call).queues(this.#app).details();
    return all.map((info) => this.#model(info));
  }

  /** The names, sorted. */
  async names(call?: CallOptions): Promise<string[]> {
    return this.#link(call).queues(this.#app).list();
  }

  async get(name: string, call?: CallOptions): Promise<Queue> {
    return this.#model(await this.#link(call).queues(this.#app).get(name));
  }

  /** Declares a queue; one that exists gets the given settings. */
  add(name: string, settings?: QueueSettings, call?: Waiting): Promise<Queue>;
  add(name: string, settings: QueueSettings | undefined, call: Nowait): Promise<Scheduled>;
  async add(name: string, settings: QueueSettings = {}, call?: WriteOptions): Promise<Queue | Scheduled> {
    const answer = await this.#link(call).queues(this.#app).add(name, parametersOf(settings));
    return taken(answer, (info) => this.#model(info));
  }

  async delete(name: string, call?: WriteOptions): Promise<Ok> {
    return this.#link(call).queues(this.#app).delete(name);
  }

  #model(info: QueueAnswer): Queue {
    return new Queue(this.#link, this.#app, info);
  }
}
