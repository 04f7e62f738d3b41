import { CymeError, show } from "./errors.ts";

/*
 * What became of a change that restarts many instances: which of them did not come up, and which were kept, is one error,
 * with the facts `instance` (the first that failed), `instances` (all, where there are several) and `kept`.
 */

/** Of an instance that was not restarted, since another one did not come back. */
export const keptError = (name: string, failed: string | undefined) =>
  new CymeError(
    "worker-failed",
    `Instance "${name}" was not restarted and keeps what it runs, since ${failed === undefined ? "another one" : `"${failed}"`} did not come back`,
    { kept: [name], stored: true },
  );

/**
 * Waits for all. Workers that fail are named together, in one error, when nothing is waited for any more; rejects at once
 * with what else fails before that.
 */
export async function together(waits: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const failures: CymeError[] = [];
  const note = (error: unknown) => {
    if (isFailure(error)) failures.push(error);
    else if (failures.length === 0) throw error;
  };
  await Promise.all(waits.map((wait) => wait?.catch(note)));
  const failure = joined(failures);
  if (failure) throw failure;
}

/** Workers that failed as one error; the first of the errors where none tells of any; undefined without errors. */
export function joined(errors: readonly CymeError[]): CymeError | undefined {
  const failures = errors.filter(isFailure);
  const failed = failures.filter(({ facts }) => facts["instance"] !== undefined);
  const [first = errors[0]] = [...failed, ...failures];
  if (!first) return undefined;
  const instances = namesIn(failed, ({ facts }) => facts["instances"] ?? [facts["instance"]]);
  const kept = namesIn(failures, ({ facts }) => facts["kept"]);
  return first.withFacts({
    ...(instances.length > 1 ? { instances } : {}),
    ...(kept.length > 0 ? { kept } : {}),
  });
}

/** The same error for people: its sentence says as well what `joined` put into the facts. */
export function explained(error: unknown): unknown {
  if (!isFailure(error)) return error;
  const { code, message, facts } = error;
  const instances = namesIn([error], () => facts["instances"]);
  const kept = facts["instance"] === undefined ? [] : namesIn([error], () => facts["kept"]);
  const before = instances.length === 0 ? "" : `${instances.length} workers did not come up (${list(instances)}): `;
  const after = kept.length === 0 ? "" : `; not restarted, so that they keep what they run: ${list(kept)}`;
  return new CymeError(code, `${before}${message}${after}`, facts);
}

const isFailure = (error: unknown): error is CymeError => error instanceof CymeError && error.code === "worker-failed";

/** Sorted, each once. What another branch says may be anything. */
function namesIn(errors: readonly CymeError[], namesOf: (error: CymeError) => unknown): string[] {
  const names = errors.flatMap((error) => {
    const given = namesOf(error);
    return Array.isArray(given) ? given.filter((name) => typeof name === "string") : [];
  });
  return [...new Set(names)].toSorted();
}

const SHOWN_NAMES = 10;

function list(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).map(show).join(", ");
  return names.length > SHOWN_NAMES ? `${shown} and ${names.length - SHOWN_NAMES} more` : shown;
}
