import { invalid } from "../../domain/errors.ts";
import { bash } from "./bash.ts";
import { fish } from "./fish.ts";
import { SHELLS, USE, type Shell } from "./use.ts";
import { zsh } from "./zsh.ts";

const SCRIPTS: Record<Shell, () => string> = { bash, zsh, fish };

/** The script that completes `cyme` and `cyme-branch` in that shell. Throws `invalid` for an unknown one. */
export const completion = (shell: string): string => SCRIPTS[known(shell)]();

/** What to do with that script, for who sees it on a terminal. */
export function howToUse(shell: string): string {
  const { line, file } = USE[known(shell)];
  return `\nTo use it in this session, or from ${file} in every one:\n  ${line}\n`;
}

function known(shell: string): Shell {
  const found = SHELLS.find((one) => one === shell);
  if (found === undefined) throw invalid("shell", `one of ${SHELLS.join(", ")}`, shell);
  return found;
}
