import { invalid } from "../../domain/errors.ts";
import { bash } from "./bash.ts";
import { fish } from "./fish.ts";
import { zsh } from "./zsh.ts";

const SHELLS: Record<string, () => string> = { bash, zsh, fish };

/** The script that completes `cyme` and `cyme-branch` in that shell. Throws `invalid` for an unknown one. */
export function completion(shell: string): string {
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (!script) throw invalid("shell", `one of ${Object.keys(SHELLS).join(", ")}`, shell);
  return script();
}
