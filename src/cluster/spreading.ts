import type { DefinitionId } from "../domain/definition.ts";

/** How somebody wants an operation that other branches take part in. */
export interface SpreadOptions {
  readonly nowait: boolean;
  readonly timeoutMs: number;
  /** Takes the ids of branches that did not answer. */
  readonly silent?: Set<string>;
}

/** Tells other branches of definitions that were changed or deleted here. */
export interface Spreading {
  /**
   * Resolves when they have done what follows for their instances, or, with nowait, when they were told. Who is away does it
   * on return, and is put into `options.silent`. Rejects with what the first says that fails.
   */
  spread(changed: readonly DefinitionId[], options: SpreadOptions): Promise<void>;
}

/** Where there is no other branch. */
export const NOBODY_ELSE: Spreading = { spread: () => Promise.resolve() };
