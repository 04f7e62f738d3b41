import { isAtLeast, type Who } from "../domain/access.ts";
import { BROKER_PARAMS } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import { beyondTuning } from "../domain/tuning-arguments.ts";
import { parseWords } from "../domain/worker-arguments.ts";

/** Of an instance, what decides which code runs as whom and with which secrets: settings name modules, classes and files. */
const ADMIN_PARAMS: readonly string[] = [...BROKER_PARAMS, "command", "cwd", "env", "extra_config", "user"];

/** Throws `forbidden` where somebody below admin gives one of these, or `arguments` that do more than tune a worker. */
export function refuseAdminParams(pattern: string, params: Params, { role }: Who): void {
  if (!pattern.startsWith("/:app/instances") || isAtLeast(role, "admin")) return;
  const parameter = ADMIN_PARAMS.find((one) => one in params);
  const what = parameter === undefined ? moreThanTuning(params) : `Parameter "${parameter}"`;
  if (what === undefined) return;
  const facts = { parameter: parameter ?? "arguments", wanted: "admin", role };
  throw new CymeError("forbidden", `${what} takes the role admin: yours is ${role}`, facts);
}

function moreThanTuning({ arguments: given }: Params): string | undefined {
  if (typeof given !== "string") return undefined;
  const word = beyondTuning(parseWords("arguments", given));
  return word === undefined ? undefined : `"${word.slice(0, 100)}" in arguments`;
}
