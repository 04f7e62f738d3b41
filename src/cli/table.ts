import { ACCESS_COMMANDS } from "./commands/access.ts";
import { APP_COMMANDS } from "./commands/apps.ts";
import { BRANCH_COMMANDS } from "./commands/branches.ts";
import { INSTANCE_COMMANDS } from "./commands/instances.ts";
import { MORE_COMMANDS } from "./commands/more.ts";
import { QUEUE_COMMANDS } from "./commands/queues.ts";
import { TASK_COMMANDS } from "./commands/tasks.ts";
import type { Command } from "./command.ts";
import { CLIENT_OPTIONS, COMMON_OPTIONS, type Option } from "./option.ts";

/** Every command: dispatch, help and completions come from these rows. */
export const COMMANDS: readonly Command[] = [
  ...BRANCH_COMMANDS,
  ...APP_COMMANDS,
  ...INSTANCE_COMMANDS,
  ...QUEUE_COMMANDS,
  ...TASK_COMMANDS,
  ...ACCESS_COMMANDS,
  ...MORE_COMMANDS,
];

const BY_NAME = new Map(COMMANDS.map((command) => [command.name, command]));

export const commandNamed = (name: string): Command | undefined => BY_NAME.get(name);

/** All options that a command takes, its own first; an own one stands for a common one of the same name. */
export function optionsOf(command: Command): Option[] {
  const own = command.options ?? [];
  // `branch` is no client; help and completion take the options of clients, so that an alias with some of them works.
  const shared = command.name === "branch" ? COMMON_OPTIONS : [...CLIENT_OPTIONS, ...COMMON_OPTIONS];
  return [...own, ...shared.filter(({ name }) => !own.some((option) => option.name === name))];
}
