import type { Version } from "./version.ts";

/** A rolling restart that goes no further, since an instance did not come back from it. */
export interface Halt {
  readonly app: string;
  /** The instance that did not come back. */
  readonly failed: string;
  /** The latest change of the app or of a queue of it that the instance was restarted for: later ones may have mended it. */
  readonly upTo: Version;
}
