import type { Api } from "./api.ts";
import type { AllAnswer, StatusAnswer } from "../types.ts";

/** All workers of the branch that is asked. */
export class Workers {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Starts every enabled instance and ends the hold of `shutdown`. */
  start(): Promise<AllAnswer> {
    return this.#api.write("POST", "/api/workers/start/");
  }

  /** All at once; `rolling`: one instance of an app after another, each with a stand-in. */
  restart({ rolling = false }: { readonly rolling?: boolean } = {}): Promise<AllAnswer> {
    return this.#api.write("POST", "/api/workers/restart/", rolling ? { query: { rolling: "1" } } : {});
  }

  /** Stops every worker and holds it stopped until it is started again by somebody. */
  shutdown(): Promise<AllAnswer> {
    return this.#api.write("POST", "/api/workers/shutdown/");
  }

  status(): Promise<StatusAnswer> {
    return this.#api.read("/api/status/");
  }
}
