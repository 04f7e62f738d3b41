import type { Launch } from "./launch.ts";

/** A named group of instances with a default broker, default arguments and configuration. */
export interface App extends Launch {
  readonly name: string;
  /** Deletion was asked for; the row goes once its instances are gone. */
  readonly isDeleted: boolean;
  readonly createdAtMs: number;
}
