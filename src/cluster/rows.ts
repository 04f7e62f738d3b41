import type { Json } from "../bus/bus.ts";
import { parseVersion } from "../domain/version.ts";
import type { KnownBranch } from "../store/known-branches.ts";
import type { Owner } from "../store/owners.ts";
import { factsOf } from "./cluster.ts";

/** What branches tell each other of who owns what, and of which branches there are. */
export interface Rows {
  readonly owners: readonly Owner[];
  readonly branches: readonly BranchRow[];
}

/** Whether a branch belongs to the cluster, or was forgotten. */
export type BranchRow = Pick<KnownBranch, "id" | "url" | "isForgotten" | "version">;

export const rowsToJson = ({ owners, branches }: Rows): { readonly [key: string]: Json } => ({
  owners: owners.map(({ name, app, branch, version, isDeleted }) => ({ name, app, branch, version, isDeleted })),
  branches: branches.map(({ id, url, isForgotten, version }) => ({ id, url, isForgotten, version })),
});

/** What can be read of what another branch sent; a row that cannot be is left out. */
export function rowsFromJson(json: Json): Rows {
  const { owners, branches } = factsOf(json);
  return {
    owners: itemsOf(owners).flatMap((item) => {
      const { name, app, branch, version, isDeleted } = factsOf(item);
      const isWhole = isName(name) && isName(app) && isName(branch) && isVersion(version);
      return isWhole ? [{ name, app, branch, version, isDeleted: isDeleted === true }] : [];
    }),
    branches: itemsOf(branches).flatMap((item) => {
      const { id, url, isForgotten, version } = factsOf(item);
      if (!isName(id) || !isVersion(version)) return [];
      return [{ id, url: typeof url === "string" ? url : null, isForgotten: isForgotten === true, version }];
    }),
  };
}

const itemsOf = (json: Json | undefined): readonly Json[] => (Array.isArray(json) ? (json as readonly Json[]) : []);

const isName = (json: Json | undefined): json is string =>
  typeof json === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(json);

const isVersion = (json: Json | undefined): json is string =>
  typeof json === "string" && parseVersion(json) !== undefined;
