import { appName, queueName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { Ok, QueueAnswer, QueueParameters, Scheduled } from "../types.ts";

/** The queue declarations of one app. */
export class Queues {
  readonly #api: Api;
  readonly #root: string;

  constructor(api: Api, app: string) {
    this.#api = api;
    this.#root = `/${appName(app)}/queues/`;
  }

  /** The names, sorted. */
  list(): Promise<string[]> {
    return this.#api.read(this.#root);
  }

  /** All declarations. */
  details(): Promise<QueueAnswer[]> {
    return this.#api.read(this.#root, { detail: "1" });
  }

  /** Declares a queue; one that exists gets the given parameters. */
  add(name: string, parameters: QueueParameters = {}): Promise<QueueAnswer | Scheduled> {
    return this.#api.write("POST", this.#write(name), { json: parameters, isSame: true });
  }

  get(name: string): Promise<QueueAnswer> {
    return this.#api.read(`${this.#root}${queueName(name)}/`);
  }

  /** Every instance of the app stops consuming from it. */
  delete(name: string): Promise<Ok> {
    return this.#api.remove(this.#write(name));
  }

  #write(name: string): string {
    return `${this.#root}${this.#api.bang}${queueName(name)}/`;
  }
}
