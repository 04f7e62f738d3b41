import type { Verb } from "../../domain/task.ts";
import type { TaskListOptions } from "../calls/tasks.ts";
import type {
  ResultAnswer,
  SentTaskAnswer,
  SentUrlAnswer,
  TaskAnswer,
  TaskParameters,
  TaskRowAnswer,
} from "../types.ts";
import type { CallOptions, Link, WriteOptions } from "./link.ts";
import { LABEL, Model } from "./model.ts";
import { Section } from "./section.ts";
import { nameOf, type Named } from "./settings.ts";

/** One piece of work that was sent to a queue. */
export class Task extends Model {
  readonly uuid: string;
  /** What is known of it since it was sent or listed; of one that was only named nothing. */
  readonly info: SentUrlAnswer | SentTaskAnswer | TaskRowAnswer | undefined;
  readonly #link: Link;
  readonly #app: string;

  /** @internal */
  constructor(link: Link, app: string, uuid: string, info?: Task["info"]) {
    super();
    this.#link = link;
    this.#app = app;
    this.uuid = uuid;
    this.info = info;
  }

  /** @internal */
  [LABEL](): string {
    return `Task: ${this.uuid}`;
  }

  /** PENDING, RECEIVED, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, or one of the task's own. */
  async state(call?: CallOptions): Promise<string> {
    const { state } = await this.#calls(call).state(this.uuid);
    return state;
  }

  /** The result, null while there is none; of a failed task the error. */
  async result(call?: CallOptions): Promise<ResultAnswer> {
    return this.#calls(call).result(this.uuid);
  }

  /** The same once it is there; rejects with `timeout` at the deadline. Outlives a branch that starts again. */
  async wait(call?: CallOptions): Promise<ResultAnswer> {
    return this.#calls(call).wait(this.uuid);
  }

  /** State and result, and what was sent as far as that is known. */
  async query(call?: CallOptions): Promise<TaskAnswer> {
    return this.#calls(call).query(this.uuid);
  }

  #calls(call?: CallOptions) {
    return this.#link(call).tasks(this.#app);
  }
}

/** The request that a worker is to perform, and how it is sent. */
export interface UrlTaskSettings extends WriteOptions {
  /** Without it GET, and POST with `data`. */
  readonly method?: Verb | undefined;
  /** Added to the query of the URL. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | URLSearchParams | undefined;
  /** The body: bytes as they are, text as UTF-8, `URLSearchParams` as a form. GET, HEAD and TRACE have none. */
  readonly data?: string | Uint8Array | URLSearchParams | undefined;
  /** Of the body. */
  readonly contentType?: string | undefined;
  /** The task's id, by which a repeated send is one task; made without it. */
  readonly uuid?: string | undefined;
}

/** What a task of the app's own code is given, and how it is sent. */
export interface NamedTaskSettings extends TaskParameters, WriteOptions {
  /** As of a URL task. */
  readonly uuid?: string | undefined;
}

/** The tasks of one app that were sent, on all branches, the one that was last heard of first. */
export class Tasks extends Section<Task> {
  readonly #link: Link;
  readonly #app: string;

  /** @internal */
  constructor(link: Link, app: string) {
    super();
    this.#link = link;
    this.#app = app;
  }

  /** The last 100, or those that are asked for. */
  async all({ signal, timeoutS, onSilent, ...which }: CallOptions & TaskListOptions = {}): Promise<Task[]> {
    const rows = await this.#calls({ signal, timeoutS, onSilent }).list(which);
    return rows.map((row) => new Task(this.#link, this.#app, row.uuid, row));
  }

  /** The task of that uuid; nothing is asked. */
  get(uuid: string): Task {
    return new Task(this.#link, this.#app, uuid);
  }

  /**
   * Has a worker perform a request; resolves once the broker has it. Without a queue it is `celery`, which needs no declaration.
   */
  async send(queue: Named | undefined, url: string, settings: UrlTaskSettings = {}): Promise<Task> {
    const { params, data, contentType = typeOf(data), method, uuid, ...call } = settings;
    const body = data instanceof URLSearchParams ? data.toString() : data;
    const name = queue === undefined ? undefined : nameOf(queue);
    const target = withParams(url, params);
    const sent = await this.#calls(call).send(name, target, { method, uuid, body, contentType });
    return new Task(this.#link, this.#app, sent.uuid, sent);
  }

  /** Has a worker perform a task of the app's own code, by its full name. */
  async call(queue: Named, task: string, settings: NamedTaskSettings = {}): Promise<Task> {
    const { signal, timeoutS, onSilent, nowait, ...given } = settings;
    const sent = await this.#calls({ signal, timeoutS, onSilent, nowait }).call(nameOf(queue), task, given);
    return new Task(this.#link, this.#app, sent.uuid, sent);
  }

  #calls(call?: WriteOptions) {
    return this.#link(call).tasks(this.#app);
  }
}

const typeOf = (data: UrlTaskSettings["data"]) =>
  data instanceof URLSearchParams ? "application/x-www-form-urlencoded" : undefined;

function withParams(url: string, params: UrlTaskSettings["params"]): string {
  if (params === undefined) return url;
  const entries = params instanceof URLSearchParams ? params : Object.entries(params).map(asText);
  const query = new URLSearchParams(entries).toString();
  if (query === "") return url;
  const [, before = "", fragment = ""] = /^([^#]*)(.*)$/s.exec(url) ?? [];
  return `${before}${before.includes("?") ? "&" : "?"}${query}${fragment}`;
}

const asText = ([name, value]: [string, unknown]): [string, string] => [name, String(value)];
