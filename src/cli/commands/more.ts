import { ownCommand } from "../command.ts";

export const MORE_COMMANDS = [
  ownCommand("completion <shell>", {
    group: "More",
    about: "Print completions for bash, zsh or fish",
    details: 'For this session of bash: eval "$(cyme completion bash)"',
    async run({ io }, { shell }) {
      const { completion } = await import("../completion.ts");
      io.stdout(completion(shell));
      return 0;
    },
  }),
  ownCommand("help [command] [subcommand]", {
    group: "More",
    about: "Show help, of one command too",
    async run({ io }, { command, subcommand }) {
      const { help } = await import("../help.ts");
      io.stdout(help([command, subcommand].filter((word) => word !== undefined)));
      return 0;
    },
  }),
];
