import { isAtLeast, type Who } from "../domain/access.ts";
import { BROKER_PARAMS } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";

/** Of an instance, what decides which program runs as whom and with which secrets. */
const ADMIN_PARAMS: readonly string[] = [...BROKER_PARAMS, "command", "cwd", "env", "user"];

/** Throws `forbidden` where somebody below admin gives one of these. */
export function refuseAdminParams(pattern: string, params: Params, { role }: Who): void {
  if (!pattern.startsWith("/:app/instances") || isAtLeast(role, "admin")) return;
  const parameter = ADMIN_PARAMS.find((one) => one in params);
  if (parameter === undefined) return;
  throw new CymeError("forbidden", `Parameter "${parameter}" takes the role admin: yours is ${role}`, {
    parameter,
    wanted: "admin",
    role,
  });
}
