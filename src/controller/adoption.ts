import type { Json } from "../bus/bus.ts";
import { factsOf } from "../cluster/cluster.ts";
import { invalid } from "../domain/errors.ts";
import { instanceParams, newInstance, parseInstanceChange, type Instance } from "../domain/instance.ts";
import { instanceName } from "../domain/names.ts";

/** What a branch is asked to take over from another one. */
export interface Adoption {
  readonly instance: Instance;
  /** Of this move, so that the branch which gives it away knows it again. */
  readonly move: string;
  /** Most that the worker is waited for. */
  readonly waitMs: number;
}

/** What another branch gets of an instance: all that somebody wishes of it. */
export const offerOf = (instance: Instance): { readonly [key: string]: Json } => ({
  name: instance.name,
  app: instance.app,
  // Made of JSON, which its type does not say.
  params: instanceParams(instance) as { readonly [key: string]: Json },
  is_held: instance.isHeld,
  disabled_reason: instance.disabledReason,
  limited_at: instance.limitedAtMs,
  created_at: instance.createdAtMs,
});

export const adoptionToJson = (offer: ReturnType<typeof offerOf>, move: string, waitMs: number): Json => ({
  ...offer,
  move,
  wait_ms: waitMs,
});

/** Throws `invalid`. */
export function readAdoption(args: Json, nowMs: number): Adoption {
  const facts = factsOf(args);
  const { name, app, params, move, is_held: isHeld, disabled_reason: disabledReason, created_at: createdAt } = facts;
  if (typeof name !== "string" || typeof app !== "string") throw invalid("the instance", "its name and its app");
  if (typeof move !== "string") throw invalid("the instance", "which move it is");
  const change = parseInstanceChange(factsOf(params ?? null));
  const made = newInstance({ name: instanceName(name), app, nowMs }, change);
  const { wait_ms: waitMs, limited_at: limitedAtMs } = facts;
  const instance = {
    ...made,
    isHeld: isHeld === true,
    disabledReason: typeof disabledReason === "string" ? disabledReason : null,
    limitedAtMs: typeof limitedAtMs === "number" ? limitedAtMs : null,
    createdAtMs: typeof createdAt === "number" ? createdAt : nowMs,
  };
  return { instance, move, waitMs: typeof waitMs === "number" ? waitMs : 0 };
}
