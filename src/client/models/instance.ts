import type {
  BoundsAnswer,
  HistoryAnswer,
  InstanceAnswer,
  InstanceParameters,
  InstanceState,
  Ok,
  SamplesAnswer,
  Scheduled,
} from "../types.ts";
import { newUuid } from "../uuid.ts";
import { Consumers } from "./consumers.ts";
import { taken, type CallOptions, type Link, type Nowait, type Waiting, type WriteOptions } from "./link.ts";
import { LABEL, Model } from "./model.ts";
import { Section } from "./section.ts";
import { infoOf, nameOf, parametersOf, type Info, type InstanceSettings } from "./settings.ts";

/** A Celery worker that its branch keeps running, as it was when it was asked for. */
export class Instance extends Model {
  /** What it consumes from. */
  readonly consumers: Consumers;
  readonly #link: Link;
  #info: Info<InstanceAnswer>;

  /** @internal */
  constructor(link: Link, answer: InstanceAnswer) {
    super();
    this.#link = link;
    this.#info = infoOf(answer);
    this.consumers = new Consumers(link, answer.app, answer.name);
  }

  get name(): string {
    return this.#info.name;
  }

  /** Name of its app. */
  get app(): string {
    return this.#info.app;
  }

  /** Id of the branch that has it. */
  get branch(): string {
    return this.#info.branch;
  }

  /** URL of the broker in use, its app's where it has none of its own. */
  get broker(): string {
    return this.#info.broker;
  }

  get arguments(): string | null {
    return this.#info.arguments;
  }

  get extraConfig(): string | null {
    return this.#info.extra_config;
  }

  get isEnabled(): boolean {
    return this.#info.is_enabled;
  }

  get maxConcurrency(): number {
    return this.#info.max_concurrency;
  }

  get minConcurrency(): number {
    return this.#info.min_concurrency;
  }

  get pool(): string {
    return this.#info.pool;
  }

  /** What it is wanted to consume from. */
  get queueNames(): readonly string[] {
    return this.#info.queues;
  }

  get state(): InstanceState {
    return this.#info.state;
  }

  /** Of its worker; null where there is none. */
  get pid(): number | null {
    return this.#info.pid;
  }

  /** The answer of the API, but that `broker` is a URL. */
  get info(): Info<InstanceAnswer> {
    return this.#info;
  }

  /** @internal */
  [LABEL](): string {
    return `Instance: ${this.name}`;
  }

  /** Asks how it is now. */
  async refresh(call?: CallOptions): Promise<this> {
    this.#info = infoOf(await this.#calls(call).get(this.name));
    return this;
  }

  /** Changes the given settings. */
  set(settings: InstanceSettings, call?: Waiting): Promise<this>;
  set(settings: InstanceSettings, call: Nowait): Promise<Scheduled>;
  async set(settings: InstanceSettings, call?: WriteOptions): Promise<this | Scheduled> {
    const answer = await this.#calls(call).set(this.name, parameters(settings));
    return taken(answer, (instance) => {
      this.#info = infoOf(instance);
      return this;
    });
  }

  /** Stops its worker and deletes it; resolves once the worker has exited and its folder and direct queue are gone. */
  async delete(call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).delete(this.name);
  }

  /** Resolves once the new worker runs; `rolling`: a stand-in consumes from before the old one stops until then. */
  async restart({ rolling = false, ...call }: WriteOptions & { readonly rolling?: boolean } = {}): Promise<Ok> {
    return this.#calls(call).restart(this.name, { rolling });
  }

  async enable(call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).enable(this.name);
  }

  async disable(call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).disable(this.name);
  }

  /** Gives it to another branch, where its worker starts before it stops where it was. */
  async move(branch: string | { readonly id: string }, call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).move(this.name, typeof branch === "string" ? branch : branch.id);
  }

  /** What the worker answers to Celery's `stats`; `conflict` with its state while it does not run. */
  async stats(call?: CallOptions): Promise<Record<string, unknown>> {
    return this.#calls(call).stats(this.name);
  }

  /** The bounds of the number of processes; given ones are stored first and then told to the worker. */
  autoscale(bounds?: Partial<BoundsAnswer>, call?: Waiting): Promise<BoundsAnswer>;
  autoscale(bounds: Partial<BoundsAnswer>, call: Nowait): Promise<Scheduled>;
  async autoscale(bounds: Partial<BoundsAnswer> = {}, call?: WriteOptions): Promise<BoundsAnswer | Scheduled> {
    return this.#calls(call).autoscale(this.name, bounds);
  }

  /** The last lines of the worker's log, as text; 100 without `lines`. */
  async log({ lines, ...call }: LogOptions = {}): Promise<string> {
    return this.#calls(call).log(this.name, lines);
  }

  /** The last lines and then what is added to the worker's log, until `signal`; ends without an error. */
  async follow(onText: (text: string) => void, { lines, ...call }: LogOptions = {}): Promise<void> {
    return this.#calls(call).follow(this.name, onText, { lines });
  }

  /** What the supervisor did to it, newest first. */
  async history(call?: CallOptions): Promise<HistoryAnswer[]> {
    return this.#calls(call).history(this.name);
  }

  /** What its worker used in the last hour. */
  async samples(call?: CallOptions): Promise<SamplesAnswer> {
    return this.#calls(call).samples(this.name);
  }

  #calls(call?: WriteOptions) {
    return this.#link(call).instances(this.app);
  }
}

export interface LogOptions extends CallOptions {
  readonly lines?: number | undefined;
}

/** The instances of one app, on all branches. */
export class Instances extends Section<Instance> {
  readonly #link: Link;
  readonly #app: string;

  /** @internal */
  constructor(link: Link, app: string) {
    super();
    this.#link = link;
    this.#app = app;
  }

  async all(call?: CallOptions): Promise<Instance[]> {
    const all = await this.#calls(call).details();
    return all.map((answer) => new Instance(this.#link, answer));
  }

  /** The names, sorted. */
  async names(call?: CallOptions): Promise<string[]> {
    return this.#calls(call).list();
  }

  async get(name: string, call?: CallOptions): Promise<Instance> {
    return new Instance(this.#link, await this.#calls(call).get(name));
  }

  /**
   * Adds an instance and starts its worker; resolves once that answers. Without a name it gets a UUID, which is made here, so
   * that a repetition adds no second one. A name that is taken is `conflict`.
   */
  add(name?: string, settings?: InstanceSettings, call?: Waiting): Promise<Instance>;
  add(name: string | undefined, settings: InstanceSettings | undefined, call: Nowait): Promise<Scheduled>;
  async add(name?: string, settings: InstanceSettings = {}, call?: WriteOptions): Promise<Instance | Scheduled> {
    const calls = this.#calls(call);
    const given = parameters(settings);
    const answer = await (name === undefined ? calls.put(await newUuid(), given) : calls.add(name, given));
    return taken(answer, (instance) => new Instance(this.#link, instance));
  }

  async delete(name: string, call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).delete(name);
  }

  #calls(call?: WriteOptions) {
    return this.#link(call).instances(this.#app);
  }
}

function parameters({ queues, ...settings }: InstanceSettings): InstanceParameters {
  return { ...parametersOf(settings), ...(queues === undefined ? {} : { queues: queues && queues.map(nameOf) }) };
}
