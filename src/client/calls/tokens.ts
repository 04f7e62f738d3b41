import type { Role } from "../../domain/access.ts";
import { tokenName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type { NewTokenAnswer, Ok, TokenAnswer } from "../types.ts";

/** What programs show to be known, on all branches. */
export class Tokens {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Without the tokens themselves, which nobody knows; sorted by name. */
  list(): Promise<TokenAnswer[]> {
    return this.#api.read("/api/tokens/");
  }

  /** The only answer with the token itself. `expires` is a time such as `90d`; without it the token never expires. */
  add(
    name: string,
    given: { readonly role?: Role | undefined; readonly expires?: string | undefined } = {},
  ): Promise<NewTokenAnswer> {
    return this.#api.write("POST", path(name), { json: given });
  }

  delete(name: string): Promise<Ok> {
    return this.#api.remove(path(name));
  }
}

const path = (name: string) => `/api/tokens/${tokenName(name)}/`;
