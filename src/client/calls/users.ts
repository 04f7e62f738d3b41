import type { Role } from "../../domain/access.ts";
import { userName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { Ok, UserAnswer } from "../types.ts";

/** Who may log in, on all branches. */
export class Users {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Sorted by name. */
  list(): Promise<UserAnswer[]> {
    return this.#api.read("/api/users/");
  }

  /** Rejects `conflict` where the name is taken. */
  add(name: string, user: { readonly password: string; readonly role?: Role | undefined }): Promise<UserAnswer> {
    return this.#api.write("POST", path(name), { json: user });
  }

  /** Changes what is given; the sessions of the user end. A user that does not exist is `not-found`. */
  async set(
    name: string,
    change: { readonly password?: string; readonly role?: Role | undefined },
  ): Promise<UserAnswer> {
    await this.#api.read(path(name)); // The route creates who is missing, which a misspelt name should not do.
    return this.#api.write("PUT", path(name), { json: change, isSame: true });
  }

  delete(name: string): Promise<Ok> {
    return this.#api.remove(path(name));
  }
}

const path = (name: string) => `/api/users/${userName(name)}/`;
