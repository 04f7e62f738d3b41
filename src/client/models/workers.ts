import type { AllAnswer, StatusAnswer } from "../types.ts";
import type { CallOptions, Link } from "./link.ts";

/** All workers of the branch that is asked. */
export class Workers {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Starts every enabled instance and ends the hold of `shutdown`. */
  async start(call?: CallOptions): Promise<AllAnswer> {
    return this.#link(call).workers.start();
  }

  /** All at once; `rolling`: one instance of an app after another, each with a stand-in. */
  async restart({ rolling = false, ...call }: CallOptions & { readonly rolling?: boolean } = {}): Promise<AllAnswer> {
    return this.#link(call).workers.restart({ rolling });
  }

  /** Stops every worker and holds it stopped until it is started again by somebody. */
  async shutdown(call?: CallOptions): Promise<AllAnswer> {
    return this.#link(call).workers.shutdown();
  }

  async status(call?: CallOptions): Promise<StatusAnswer> {
    return this.#link(call).workers.status();
  }
}
