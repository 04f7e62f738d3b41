import { appName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { AppAnswer, AppParameters, Ok, Scheduled } from "../types.ts";

/** The apps of the cluster. */
export class Apps {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The names of all apps, sorted. */
  list(): Promise<string[]> {
    return this.#api.read("/");
  }

  get(name: string): Promise<AppAnswer> {
    return this.#api.read(`/${appName(name)}/`);
  }

  /** Creates an app; one that exists gets the given parameters. */
  add(name: string, parameters: AppParameters = {}): Promise<AppAnswer | Scheduled> {
    return this.#api.write("POST", this.#path(name), { json: parameters, isSame: true });
  }

  /** Changes the given parameters; an app that does not exist is `not-found`. */
  async set(name: string, parameters: AppParameters): Promise<AppAnswer | Scheduled> {
    await this.get(name); // The route creates what is missing, which a misspelt name should not do.
    return this.#api.write("PUT", this.#path(name), { json: parameters, isSame: true });
  }

  /** Stops and deletes the app's instances everywhere, then its queues, then the app. */
  delete(name: string): Promise<Ok> {
    return this.#api.remove(this.#path(name));
  }

  #path(name: string): string {
    return `/${this.#api.bang}${appName(name)}/`;
  }
}
