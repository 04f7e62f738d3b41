import { seconds } from "../domain/fields.ts";
import { Calls } from "./calls/calls.ts";
import type { RequestMethod } from "./calls/calls.ts";
import { httpTransport, type HttpOptions } from "./http-transport.ts";
import { Users, Tokens } from "./models/access.ts";
import { App, AppSections } from "./models/app.ts";
import { Branches } from "./models/branch.ts";
import { Instance } from "./models/instance.ts";
import { taken, type CallOptions, type Link, type Nowait, type Waiting, type WriteOptions } from "./models/link.ts";
import { LABEL, Model } from "./models/model.ts";
import { Section } from "./models/section.ts";
import { parametersOf, type AppSettings } from "./models/settings.ts";
import { Workers } from "./models/workers.ts";
import type { Transport } from "./transport.ts";
import type { AuditAnswer, BranchAnswer, EventAnswer, HealthAnswer, Ok, Scheduled } from "./types.ts";

const DEFAULT_URL = "http://127.0.0.1:8000";
const MAX_TIMEOUT_S = 86_400;

/** Who asks, how the branch is reached, and what holds for every call; each call may have a signal and a deadline of its own too. */
export interface ClientOptions extends CallOptions, HttpOptions {
  /** Answers requests in place of the branch at the URL, for tests. */
  readonly transport?: Transport | undefined;
}

/** A request in the words of the HTTP API. */
export interface RequestOptions extends CallOptions {
  /** Of the query. */
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /** Sent as JSON. */
  readonly data?: unknown;
}

/** Which of the changes are shown. */
export interface AuditOptions extends CallOptions {
  /** 100 without it. */
  readonly limit?: number;
  /** The `at` of the last one: gives those that follow. */
  readonly before?: string;
}

/**
 * The cluster, by any of its branches: `const app = await new Client("http://127.0.0.1:8000").get("shop")`. Nothing is asked
 * before a method is called or a section is awaited, such as `await client.branches`. Every call rejects with a `CymeError`
 * that has the `code`, the sentence and the facts of the answer, or, where it was ended, with the reason of the signal.
 */
export class Client extends Model {
  /** Of the branch, without user and password. */
  readonly url: string;
  readonly apps: Apps;
  readonly branches: Branches;
  readonly workers: Workers;
  readonly users: Users;
  readonly tokens: Tokens;
  readonly #link: Link;

  /** Throws `invalid` for a URL or options that cannot be; a user and password in the URL are used. */
  constructor(url: string = DEFAULT_URL, options: ClientOptions = {}) {
    super();
    const transport = options.transport ?? httpTransport(url, options);
    this.url = url.replace(/\/\/[^/]*@/, "//");
    this.#link = linkOver(transport, options);
    this.apps = new Apps(this.#link);
    this.branches = new Branches(this.#link);
    this.workers = new Workers(this.#link);
    this.users = new Users(this.#link);
    this.tokens = new Tokens(this.#link);
  }

  /** @internal */
  [LABEL](): string {
    return `Client: ${this.url}`;
  }

  /** The names of all apps, sorted. */
  async all(call?: CallOptions): Promise<string[]> {
    return this.apps.all(call);
  }

  /** The app of that name. */
  async get(name: string, call?: CallOptions): Promise<App> {
    return this.apps.get(name, call);
  }

  /** Creates an app; one that exists gets the given settings. */
  add(name: string, settings?: AppSettings, call?: Waiting): Promise<App>;
  add(name: string, settings: AppSettings | undefined, call: Nowait): Promise<Scheduled>;
  async add(name: string, settings: AppSettings = {}, call?: WriteOptions): Promise<App | Scheduled> {
    const answer = await this.#link(call).apps.add(name, parametersOf(settings));
    return taken(answer, (app) => new App(this.#link, app));
  }

  /** Deletes an app with its instances and queues. */
  async delete(name: string, call?: WriteOptions): Promise<Ok> {
    return this.app(name).delete(call);
  }

  /** What belongs to the app of that name, without asking for the app. */
  app(name: string): AppSections {
    return new AppSections(this.#link, name);
  }

  /** Any instance of the cluster by its name. */
  async instance(name: string, call?: CallOptions): Promise<Instance> {
    return new Instance(this.#link, await this.#link(call).instances().get(name));
  }

  async branchInfo(id: string, call?: CallOptions): Promise<BranchAnswer> {
    return this.#link(call).branches.get(id);
  }

  /** How the parts of the branch are, also where some of them have failed. */
  async health(call?: CallOptions): Promise<HealthAnswer> {
    return this.#link(call).health();
  }

  /** Who changed what, on all branches, newest first; for admins. */
  async audit({ limit, before, ...call }: AuditOptions = {}): Promise<AuditAnswer[]> {
    return this.#link(call).audit({
      ...(limit === undefined ? {} : { limit }),
      ...(before === undefined ? {} : { before }),
    });
  }

  /** Gives all that there is, and then what changes, until the branch or `signal` ends it, which is no error; rejects once the connection is lost. */
  async events(onEvent: (event: EventAnswer) => void, call?: CallOptions): Promise<void> {
    return this.#link(call).events(onEvent);
  }

  /** Any request of the HTTP API; resolves to the JSON of its answer, or to its text where it is none. */
  async request(method: RequestMethod, path: string, options: RequestOptions = {}): Promise<unknown> {
    const { params = {}, data, ...call } = options;
    const query = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
    return this.#link(call).request(method, path, { query, json: data });
  }
}

/** The apps of the cluster; awaited they are their names, sorted. */
class Apps extends Section<string> {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    super();
    this.#link = link;
  }

  async all(call?: CallOptions): Promise<string[]> {
    return this.#link(call).apps.list();
  }

  async get(name: string, call?: CallOptions): Promise<App> {
    return new App(this.#link, await this.#link(call).apps.get(name));
  }
}

function linkOver(transport: Transport, options: CallOptions): Link {
  return ({ nowait, ...call } = {}) => {
    const timeoutS = call.timeoutS ?? options.timeoutS;
    return new Calls(transport, {
      repeats: true,
      nowait,
      timeoutS: timeoutS === undefined ? undefined : seconds("timeoutS", timeoutS, 0, MAX_TIMEOUT_S),
      onSilent: call.onSilent ?? options.onSilent,
      signals: [options.signal, call.signal].filter((signal) => signal !== undefined),
    });
  };
}
