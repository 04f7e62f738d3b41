import { Api, type ClientOptions } from "./api.ts";
import { Apps } from "./apps.ts";
import { Branches } from "./branches.ts";
import { Consumers } from "./consumers.ts";
import { eventsIn } from "./events.ts";
import { Instances } from "./instances.ts";
import { Queues } from "./queues.ts";
import { Tasks } from "./tasks.ts";
import { Tokens } from "./tokens.ts";
import type { Transport } from "../transport.ts";
import type { AuditAnswer, EventAnswer } from "../types.ts";
import { Users } from "./users.ts";
import { Workers } from "./workers.ts";

/**
 * The HTTP API of a branch in TypeScript, on Bun and on Node:
 * `new Client(httpTransport("http://127.0.0.1:8000")).instances("shop").add("web")`.
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

  constructor(transport: Transport, options: ClientOptions = {}) {
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

  /** Gives all that there is, and then what changes, until the branch or `signal` ends it, which is no error. */
  events(onEvent: (event: EventAnswer) => void, signal?: AbortSignal): Promise<void> {
    return this.#api.follow("/api/events/", {}, eventsIn(onEvent), signal);
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
