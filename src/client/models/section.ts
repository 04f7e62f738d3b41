import type { CallOptions } from "./link.ts";

/** What there is of one kind: `await` it for all of them, or call what it can do. */
export abstract class Section<T> implements PromiseLike<T[]> {
  /** All of them, as awaiting the section itself gives them. */
  abstract all(call?: CallOptions): Promise<T[]>;

  // oxlint-disable-next-line unicorn/no-thenable -- awaiting it is what the documents show: `await app.queues`.
  then<A = T[], B = never>(
    onFulfilled?: ((all: T[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.all().then(onFulfilled, onRejected);
  }
}
