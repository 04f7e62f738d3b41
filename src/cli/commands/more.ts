import { ownCommand } from "../command.ts";

export const MORE_COMMANDS = [
  ownCommand("shell", {
    group: "More",
    about: "Speak to a branch in JavaScript",
    details:
      "At hand are client, app(name), apps, branches, instances and queues, as in the\n" +
      "client library. Promises are waited for. Ctrl-C ends the line or the call,\n" +
      "Ctrl-D the shell. What comes from a file or a pipe runs as a script, which ends\n" +
      "at its first error.",
    async run(call) {
      const { runShell } = await import("../run-shell.ts");
      return runShell(call);
    },
  }),
  ownCommand("completion <shell>", {
    group: "More",
    about: "Print completions for bash, zsh or fish",
    takes: { shell: ["bash", "zsh", "fish"] },
    details: 'For this session of bash: eval "$(cyme completion bash)"',
    async run({ io }, { shell }) {
      const { completion } = await import("../completion/completion.ts");
      io.stdout(completion(shell));
      return 0;
    },
  }),
  ownCommand("help [command] [subcommand]", {
    group: "More",
    about: "Show help, of one command too",
    takes: { command: "command" },
    async run({ io }, { command, subcommand }) {
      const { help } = await import("../help.ts");
      io.stdout(help([command, subcommand].filter((word) => word !== undefined)));
      return 0;
    },
  }),
];
