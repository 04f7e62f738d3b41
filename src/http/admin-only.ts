import { isAtLeast, type Who } from "../domain/access.ts";
import { BROKER_PARAMS } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import { parseWords } from "../domain/worker-arguments.ts";

/** Of an instance, what decides which program runs as whom and with which secrets. */
const ADMIN_PARAMS: readonly string[] = [...BROKER_PARAMS, "command", "cwd", "env", "user"];

/** Throws `forbidden` where somebody below admin gives one of these. */
export function refuseAdminParams(pattern: string, params: Params, { role }: Who): void {
  if (!pattern.startsWith("/:app/instances") || isAtLeast(role, "admin")) return;
  const parameter = ADMIN_PARAMS.find((one) => one in params);
  const what = parameter === undefined ? workdirIn(params) : `Parameter "${parameter}"`;
  if (what === undefined) return;
  const facts = { parameter: parameter ?? "arguments", wanted: "admin", role };
  throw new CymeError("forbidden", `${what} takes the role admin: yours is ${role}`, facts);
}

/** Celery's own word for `cwd`. */
function workdirIn({ arguments: given }: Params): string | undefined {
  if (typeof given !== "string") return undefined;
  const isThere = parseWords("arguments", given).some((word) => /^--workdir(=|$)/.test(word));
  return isThere ? "--workdir in arguments" : undefined;
}
