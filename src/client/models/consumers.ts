import type { Ok } from "../types.ts";
import type { CallOptions, Link, WriteOptions } from "./link.ts";
import { Queue } from "./queue.ts";
import { Section } from "./section.ts";
import { nameOf, type Named } from "./settings.ts";

/** What one instance consumes from: its queues with their declarations, its direct queue among them, as its worker says. */
export class Consumers extends Section<Queue> {
  readonly #link: Link;
  readonly #app: string;
  readonly #instance: string;

  /** @internal */
  constructor(link: Link, app: string, instance: string) {
    super();
    this.#link = link;
    this.#app = app;
    this.#instance = instance;
  }

  async all(call?: CallOptions): Promise<Queue[]> {
    const declarations = await this.#calls(call).list(this.#instance);
    return Object.values(declarations).map((info) => new Queue(this.#link, this.#app, info));
  }

  /** Resolves once the worker consumes from the queue; on a disabled instance once that is stored. */
  async add(queue: Named, call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).add(this.#instance, nameOf(queue));
  }

  /** Resolves once the worker does not consume from it any more. */
  async delete(queue: Named, call?: WriteOptions): Promise<Ok> {
    return this.#calls(call).delete(this.#instance, nameOf(queue));
  }

  #calls(call?: WriteOptions) {
    return this.#link(call).consumers(this.#app);
  }
}
