/** How the completions of a shell are put to use without installing them: the line, and where it belongs. */
export const USE = {
  bash: { line: 'eval "$(cyme completion bash)"', file: "~/.bashrc" },
  zsh: { line: "source <(cyme completion zsh)", file: "~/.zshrc, behind compinit" },
  fish: { line: "cyme completion fish | source", file: "~/.config/fish/config.fish" },
} as const;

export type Shell = keyof typeof USE;

export const SHELLS = Object.keys(USE) as Shell[]; // Its keys are known.
