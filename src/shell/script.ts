import { Model } from "../client/models/model.ts";
import { CymeError, OUTCOMES } from "../domain/errors.ts";
import { evaluate, transpile } from "./evaluate.ts";
import { sentence, shown } from "./tell.ts";

const FAILED = 1;

/** Runs a script to its end, and prints what it gives last; resolves to the exit code, that of the error where there is one. */
export async function runScript(code: string, isJson: boolean): Promise<number> {
  try {
    const value = await evaluate(transpile(code), new AbortController().signal);
    process.stdout.write(isJson ? `${JSON.stringify(value ?? null, whole)}\n` : shown(value, false));
    return 0;
  } catch (error) {
    return tellError(error, isJson);
  }
}

/** Says what went wrong in a script; gives the exit code that it ends with. */
export function tellError(error: unknown, isJson: boolean): number {
  process.stderr.write(isJson ? `${JSON.stringify(errorFields(error))}\n` : sentence(error));
  return error instanceof CymeError ? OUTCOMES[error.code].exit : FAILED;
}

/** Of things of the cluster what the branch told of them. */
const whole = (_key: string, value: unknown): unknown =>
  value instanceof Model && "info" in value ? value.info : value;

const errorFields = (error: unknown) =>
  error instanceof CymeError
    ? { nok: error.message, error: error.code, ...error.facts }
    : {
        nok: sentence(error)
          .replace(/^error: /, "")
          .trimEnd(),
        error: "internal",
      };
