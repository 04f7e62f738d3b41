import { ownCommand } from "../command.ts";
import { SHELLS, USE } from "../completion/use.ts";

const USES = SHELLS.map((shell) => `  ${USE[shell].line.padEnd(32)}# in ${USE[shell].file}`).join("\n");

export const MORE_COMMANDS = [
  ownCommand("shell", {
    group: "More",
    about: "Speak to a branch in JavaScript",
    examples: ["cyme shell", "cyme -a shop shell < script.ts", "echo 'await apps' | cyme shell"],
    details:
      "At hand are client, app(name), apps, branches, instances and queues, as in the\n" +
      "client library. Promises are waited for at the prompt. Ctrl-C ends the line or\n" +
      "the call, Ctrl-D the shell. What comes from a file or a pipe runs as a script,\n" +
      "in which await is yours, and which ends at its first error.",
    async run(call) {
      const { runShell } = await import("../run-shell.ts");
      return runShell(call);
    },
  }),
  ownCommand("completion <shell>", {
    group: "More",
    about: "Print completions for bash, zsh or fish",
    examples: ["cyme completion bash > /etc/bash_completion.d/cyme"],
    takes: { shell: SHELLS },
    details: `install.sh installs them. Without it, for this session:\n${USES}`,
    async run({ io }, { shell }) {
      const { completion, howToUse } = await import("../completion/completion.ts");
      io.stdout(completion(shell));
      if (io.stdoutIsTTY) io.stderr(howToUse(shell));
      return 0;
    },
  }),
  ownCommand("help [command] [subcommand]", {
    group: "More",
    about: "Show help, of one command too",
    examples: ["cyme help instances.add"],
    takes: { command: "command" },
    async run({ io }, { command, subcommand }) {
      const { help } = await import("../help.ts");
      io.stdout(help([command, subcommand].filter((word) => word !== undefined)));
      return 0;
    },
  }),
];
