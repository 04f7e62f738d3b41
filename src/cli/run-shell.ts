import { CymeError } from "../domain/errors.ts";
import type { Values } from "./values.ts";

/** Runs the shell until it is left; resolves to its exit code. */
export async function runShell({ values }: { readonly values: Values }): Promise<number> {
  const app = values.text("app");
  throw new CymeError("not-implemented", `The shell is not there yet${app === undefined ? "" : ` for ${app}`}`);
}
