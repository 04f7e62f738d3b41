import { existsSync } from "node:fs";
import { join } from "node:path";
import { PROMPT, startTerminal, type Terminal } from "./terminal.ts";

/** One way of having the completions in a shell. */
export interface Shell {
  readonly name: string;
  /** Why it is left out: what setup.sh could not install. */
  readonly lacks: string | undefined;
  /** Starts it with `cyme` from the folder `prefix`, where install.sh has put it. */
  start(prefix: string, env: Readonly<Record<string, string>>): Promise<Terminal>;
}

const BASH_COMPLETION = "/usr/share/bash-completion/bash_completion";

const lacking = (program: string) => (Bun.which(program) ? undefined : `Debian's package ${program}`);

/** So that one press of the key shows all there is, and what is seen is what was offered. */
const BASH_SETUP = [
  `PS1='${PROMPT}'`,
  "bind 'set show-all-if-ambiguous on'",
  "bind 'set enable-bracketed-paste off'",
  "bind 'set page-completions off'",
  "bind 'set completion-query-items 0'",
];
const ZSH_SETUP = [
  `PROMPT='${PROMPT}'; unsetopt list_ambiguous zle_bracketed_paste; LISTMAX=1000`,
  "bindkey '^U' kill-whole-line",
];

const bash = ["bash", "--norc", "--noprofile", "-i"];

export const SHELLS: readonly Shell[] = [
  {
    name: "bash that loads what is installed when it is wanted",
    lacks: lacking("bash") ?? (existsSync(BASH_COMPLETION) ? undefined : "Debian's package bash-completion"),
    start: (prefix, env) =>
      startTerminal(bash, {
        prefix,
        env: { ...env, XDG_DATA_DIRS: join(prefix, "share") },
        setup: [...BASH_SETUP, `. ${BASH_COMPLETION}`],
      }),
  },
  {
    name: "bash that is strict and splits words at little else than blanks",
    lacks: lacking("bash"),
    start: (prefix, env) =>
      startTerminal(bash, {
        prefix,
        env,
        setup: [
          ...BASH_SETUP,
          'eval "$(cyme completion bash)"',
          "COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]}",
          "set -u; shopt -s failglob; IFS=m",
        ],
      }),
  },
  {
    name: "zsh with the folder of what is installed in fpath",
    lacks: lacking("zsh"),
    start: (prefix, env) =>
      startTerminal(["zsh", "-f", "-i"], {
        prefix,
        env,
        setup: [
          ...ZSH_SETUP,
          `fpath=(${join(prefix, "share/zsh/site-functions")} $fpath)`,
          "autoload -Uz compinit; compinit -u -D",
        ],
      }),
  },
  {
    name: "zsh that reads what the command prints",
    lacks: lacking("zsh"),
    start: (prefix, env) =>
      startTerminal(["zsh", "-f", "-i"], {
        prefix,
        env,
        setup: [...ZSH_SETUP, "autoload -Uz compinit; compinit -u -D", "source <(cyme completion zsh)"],
      }),
  },
  {
    name: "fish that loads what is installed when it is wanted",
    lacks: lacking("fish"),
    start: (prefix, env) =>
      startTerminal(["fish", "-i"], {
        prefix,
        env: { ...env, XDG_DATA_DIRS: join(prefix, "share") },
        setup: [`function fish_prompt; echo -n '${PROMPT}'; end`],
      }),
  },
];
