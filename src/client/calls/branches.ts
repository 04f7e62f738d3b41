import { branchId } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { BranchAnswer, Ok } from "../types.ts";

/** The branches of the cluster. */
export class Branches {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The ids of the branches that are up, sorted. */
  list(): Promise<string[]> {
    return this.#api.read("/branches/");
  }

  get(id: string): Promise<BranchAnswer> {
    return this.#api.read(`/branches/${branchId(id)}/`);
  }

  /** Shuts the daemon down; its workers stay. */
  shutdown(id: string): Promise<Ok> {
    return this.#api.write("DELETE", `/branches/${branchId(id)}/`);
  }

  /** Removes a branch that is away, with all that it owns. */
  forget(id: string): Promise<Ok> {
    return this.#api.remove(`/branches/${branchId(id)}/`, { forget: "1" });
  }
}
