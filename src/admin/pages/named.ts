import { ApiError } from "../api/request.ts";

/** Does what a form wants, and has what the API says against `parameter` stand at `field`. */
export async function atField<T>(parameter: string, field: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApiError) || error.parameter !== parameter) throw error;
    throw new ApiError(error.status, error.message, { ...error.facts, parameter: field });
  }
}

/** The error of a name that is taken, where the API would change what has it. */
export const taken = (what: string, name: string) =>
  new ApiError(409, `${what} "${name}" exists already`, { error: "conflict", parameter: "name" });

/** `a, b, c and 4 more`. */
export function some(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(", ")} and ${rest} more` : names.join(", ");
}
