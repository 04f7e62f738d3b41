import type { AppAnswer, Ok, Scheduled } from "../types.ts";
import { Instances } from "./instance.ts";
import { taken, type CallOptions, type Link, type Nowait, type Waiting, type WriteOptions } from "./link.ts";
import { LABEL, Model } from "./model.ts";
import { Queues } from "./queue.ts";
import { infoOf, parametersOf, type AppSettings, type Info } from "./settings.ts";
import { Tasks } from "./task.ts";

/** What belongs to the app of a name, whether or not there is one: nothing is asked before it is used. */
export class AppSections extends Model {
  readonly name: string;
  readonly instances: Instances;
  readonly queues: Queues;
  readonly tasks: Tasks;
  readonly #link: Link;

  /** @internal */
  constructor(link: Link, name: string) {
    super();
    this.#link = link;
    this.name = name;
    this.instances = new Instances(link, name);
    this.queues = new Queues(link, name);
    this.tasks = new Tasks(link, name);
  }

  /** @internal */
  [LABEL](): string {
    return `App: ${this.name}`;
  }

  /** Stops and deletes its instances everywhere, then its queues, then the app. */
  async delete(call?: WriteOptions): Promise<Ok> {
    return this.#link(call).apps.delete(this.name);
  }
}

/** A named group of instances, as it was when it was asked for. */
export class App extends AppSections {
  readonly #link: Link;
  #info: Info<AppAnswer>;

  /** @internal */
  constructor(link: Link, answer: AppAnswer) {
    super(link, answer.name);
    this.#link = link;
    this.#info = infoOf(answer);
  }

  /** URL of its broker. */
  get broker(): string {
    return this.#info.broker;
  }

  get arguments(): string | null {
    return this.#info.arguments;
  }

  get extraConfig(): string | null {
    return this.#info.extra_config;
  }

  /** The answer of the API, but that `broker` is a URL. */
  get info(): Info<AppAnswer> {
    return this.#info;
  }

  /** Asks how it is now. */
  async refresh(call?: CallOptions): Promise<this> {
    this.#info = infoOf(await this.#link(call).apps.get(this.name));
    return this;
  }

  /** Changes the given settings; resolves once its workers have them. */
  set(settings: AppSettings, call?: Waiting): Promise<this>;
  set(settings: AppSettings, call: Nowait): Promise<Scheduled>;
  async set(settings: AppSettings, call?: WriteOptions): Promise<this | Scheduled> {
    const answer = await this.#link(call).apps.set(this.name, parametersOf(settings));
    return taken(answer, (app) => {
      this.#info = infoOf(app);
      return this;
    });
  }
}
