import type { Command } from "../command.ts";
import type { Environment } from "../io.ts";
import { CLIENT_OPTIONS } from "../option.ts";
import { findCommand, scan, type Scanned } from "../parse.ts";
import { COMMANDS, optionsOf } from "../table.ts";
import type { LiveKind, Takes } from "../takes.ts";
import { Values } from "../values.ts";

/** What the last word of a command line is to become. */
export interface Wanted {
  readonly kind: LiveKind;
  /** What is there of it; of a list what is there of its last item. */
  readonly typed: string;
  /** Of a list the items before, with the comma behind them. */
  readonly before: string;
  /** The argument that names an instance, where the command has one and it stands before. */
  readonly instance: string | undefined;
  /** Whom to ask, and about which app. */
  readonly values: Values;
}

/**
 * What is to be asked for the last word of a command line, which may be empty; without the program's own name. Undefined where a branch
 * knows nothing of it. Of options that are not known it takes no notice.
 */
export function wantedBy(words: readonly string[], env: Environment): Wanted | undefined {
  const before = scan(words.slice(0, -1));
  const all = scan(words);
  const called = calledBy(before);
  const value = isArgument(before, all) ? words.at(-1) : all.options.at(-1)?.value;
  const takes = isArgument(before, all) ? argumentTakes(called) : optionTakes(all);
  if (takes === undefined || !isLive(takes)) return undefined;
  const comma = takes === "queues" ? (value ?? "").lastIndexOf(",") + 1 : 0;
  return {
    kind: takes,
    typed: (value ?? "").slice(comma),
    before: (value ?? "").slice(0, comma),
    instance: called && instanceAmong(called),
    values: new Values(CLIENT_OPTIONS, given(before), env),
  };
}

interface Called {
  readonly command: Command;
  readonly args: readonly string[];
}

function calledBy({ words }: Scanned): Called | undefined {
  try {
    const { command, rest } = findCommand(words);
    return { command, args: rest.map(({ text }) => text) };
  } catch {
    return undefined; // It is not named yet, or does not exist.
  }
}

/** Else the last word is an option, or the value of one. */
const isArgument = (before: Scanned, all: Scanned) => all.words.length > before.words.length;

const argumentTakes = (called: Called | undefined) => called?.command.positionals[called.args.length]?.takes;

/** The same whichever command it is of, since it may stand before the command. */
function optionTakes(all: Scanned): Takes | undefined {
  const last = all.options.at(-1);
  if (last?.value === undefined) return undefined;
  return COMMANDS.flatMap(optionsOf).find(({ name, takes }) => name === last.name && takes !== undefined)?.takes;
}

function instanceAmong({ command, args }: Called): string | undefined {
  const at = command.positionals.findIndex(({ takes }) => takes === "instance");
  return at < 0 ? undefined : args[at];
}

function given({ options }: Scanned): Map<string, string[]> {
  const byName = Map.groupBy(options, ({ name }) => name);
  const isFlag = (name: string) => CLIENT_OPTIONS.some((option) => option.name === name && option.value === undefined);
  return new Map(
    [...byName].map(([name, some]) => [name, some.map(({ value }) => value ?? (isFlag(name) ? "1" : ""))]),
  );
}

const KNOWN_WITHOUT_A_BRANCH: readonly unknown[] = ["file", "folder", "system-user", "command"];

/** Whether only a branch can say what there is. */
export const isLive = (takes: Takes): takes is LiveKind =>
  typeof takes === "string" && !KNOWN_WITHOUT_A_BRANCH.includes(takes);
