import { invalid } from "../../domain/errors.ts";
import { Api, type ApiOptions } from "./api.ts";
import { Apps } from "./apps.ts";
import { Branches } from "./branches.ts";
import { Consumers } from "./consumers.ts";
import { eventsIn } from "./events.ts";
import { Instances } from "./instances.ts";
import { Queues } from "./queues.ts";
import { TASK_HEADER, Tasks } from "./tasks.ts";
import { Tokens } from "./tokens.ts";
import type { Transport } from "../transport.ts";
import type { AuditAnswer, EventAnswer, HealthAnswer } from "../types.ts";
import { newUuid } from "../uuid.ts";
import { Users } from "./users.ts";
import { Workers } from "./workers.ts";

// A stream of events says every 15 seconds that it is alive.
const SILENCE_MS = 45_000;

export type RequestMethod = "GET" | "POST" | "PUT" | "DELETE";

/**
 * What the HTTP API can do, one class a noun and everything by name:
 * `new Calls(httpTransport("http://127.0.0.1:8000")).instances("shop").add("web")`.
 * Every call resolves to the answer, or rejects with a `CymeError` that has the answer's code and facts. What cannot be a
 * name (`..` would be another route) throws `invalid` at once.
 */
export class Calls {
  readonly apps: Apps;
  readonly branches: Branches;
  readonly workers: Workers;
  readonly users: Users;
  readonly tokens: Tokens;
  readonly #api: Api;

  constructor(transport: Transport, options: ApiOptions = {}) {
    this.#api = new Api(transport, options);
    this.apps = new Apps(this.#api);
    this.branches = new Branches(this.#api);
    this.workers = new Workers(this.#api);
    this.users = new Users(this.#api);
    this.tokens = new Tokens(this.#api);
  }

  /** Who changed what, on all branches, newest first; for admins. */
  audit(given: { readonly limit?: number | string; readonly before?: string } = {}): Promise<AuditAnswer[]> {
    return this.#api.ask(
      "/api/audit/",
      Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)])),
    );
  }

  /** How the parts of the branch are, also where some of them have failed. */
  health(): Promise<HealthAnswer> {
    return this.#api.health();
  }

  /** Any request; resolves to the JSON of its answer, or to its text where it is none. */
  async request(
    method: RequestMethod,
    path: string,
    { query, json }: { readonly query?: Readonly<Record<string, string>>; readonly json?: unknown },
  ): Promise<unknown> {
    // Without its slash it would be taken for a part of the host.
    if (!/^\/[^?#]*$/.test(path)) throw invalid("path", "one that begins with / and has no ? or #", path);
    // Below `/<app>/queue/` a GET sends a task too: under one id it stays one, however often it is asked for. Others do not look at it.
    const headers = method === "GET" ? { [TASK_HEADER]: await newUuid() } : {};
    return this.#api.request({ method, path, headers, ...(query === undefined ? {} : { query }), json });
  }

  /** Gives all that there is, and then what changes, until the branch or `signal` ends it, which is no error; a lost connection is one. */
  events(onEvent: (event: EventAnswer) => void, signal?: AbortSignal): Promise<void> {
    return this.#api.follow("/api/events/", {}, eventsIn(onEvent), { signal, silenceMs: SILENCE_MS });
  }

  /** Without an app: any instance by its name; listing and adding need one. */
  instances(app?: string): Instances {
    return new Instances(this.#api, app);
  }

  queues(app: string): Queues {
    return new Queues(this.#api, app);
  }

  consumers(app?: string): Consumers {
    return new Consumers(this.#api, app);
  }

  tasks(app: string): Tasks {
    return new Tasks(this.#api, app);
  }
}
