import { appName, instanceName, queueName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { Ok, QueueAnswer } from "../types.ts";

/** What the instances of one app consume from, or without an app any instance of the cluster. */
export class Consumers {
  readonly #api: Api;
  readonly #root: string;

  constructor(api: Api, app?: string) {
    this.#api = api;
    this.#root = app === undefined ? "/instances/" : `/${appName(app)}/instances/`;
  }

  /** What the worker consumes from now: the declarations by the names of the queues. */
  list(instance: string): Promise<Record<string, QueueAnswer>> {
    return this.#api.ask(`${this.#root}${instanceName(instance)}/queues/`);
  }

  /** Resolves once the worker consumes from the queue; on a disabled instance once it is stored. */
  add(instance: string, queue: string): Promise<Ok> {
    return this.#api.write("POST", this.#write(instance, queue), { isSame: true });
  }

  delete(instance: string, queue: string): Promise<Ok> {
    return this.#api.remove(this.#write(instance, queue));
  }

  #write(instance: string, queue: string): string {
    return `${this.#root}${this.#api.bang}${instanceName(instance)}/queues/${queueName(queue)}/`;
  }
}
