import type { Command } from "../command.ts";
import { CLIENT_OPTIONS, COMMON_OPTIONS, type Option } from "../option.ts";
import { COMMANDS, optionsOf } from "../table.ts";
import type { Takes } from "../takes.ts";
import { isLive } from "./wanted.ts";

/** What the scripts of all shells say of the table of commands. */

export const COMMAND_NAMES = COMMANDS.map(({ name }) => name);

/** The options that all clients share, which the scripts have once. */
export const SHARED_OPTIONS: readonly Option[] = [...CLIENT_OPTIONS, ...COMMON_OPTIONS];

/** Commands that do not take all of `SHARED_OPTIONS`. */
export const OTHERS = COMMANDS.filter((command) => !SHARED_OPTIONS.every((one) => optionsOf(command).includes(one)));

/** The options that a command has besides the shared ones; of `OTHERS` all. */
const ownOptions = (command: Command): readonly Option[] =>
  OTHERS.includes(command) ? optionsOf(command) : (command.options ?? []);

/** Commands with the same options of their own, together. */
export function sameOptions(): { readonly names: readonly string[]; readonly options: readonly Option[] }[] {
  const having = COMMANDS.filter((command) => ownOptions(command).length > 0);
  const groups = Map.groupBy(having, (command) => JSON.stringify(ownOptions(command)));
  return [...groups.values()].flatMap((commands) => {
    const [first] = commands;
    return first ? [{ names: commands.map(({ name }) => name), options: ownOptions(first) }] : [];
  });
}

/** `instances` → `add`, `get` …: what may follow it as a word of its own. */
export function verbs(): ReadonlyMap<string, readonly string[]> {
  const parts = COMMAND_NAMES.map((name) => name.split(".", 2)).filter((pair) => pair.length === 2);
  const byNoun = Map.groupBy(parts, ([noun = ""]) => noun);
  return new Map([...byNoun].map(([noun, pairs]) => [noun, pairs.map(([, verb = ""]) => verb)]));
}

export const dashed = ({ name, short }: Option): string[] =>
  short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];

/** The options that take a value, one of each name: what it is, is the same whichever command has it. */
export function valuedOptions(): Option[] {
  const byName = new Map(COMMANDS.flatMap(optionsOf).map((option) => [option.name, option]));
  return [...byName.values()].filter(({ value }) => value !== undefined);
}

/** The letters of all options without a value. */
export const shortFlags = () =>
  [...new Set(COMMANDS.flatMap(optionsOf).filter(({ value }) => value === undefined))]
    .map(({ short = "" }) => short)
    .join("");

/** What is offered for a value or an argument: words, or who knows. */
export type Offer = readonly string[] | "live" | "file" | "folder" | "system-user" | "command";

export const offerOf = ({ choices, takes }: Option): Offer | undefined => choices ?? offer(takes);

export function offer(takes: Takes | undefined): Offer | undefined {
  if (takes === undefined) return undefined;
  return isLive(takes) ? "live" : takes;
}

export interface Argument {
  readonly command: string;
  /** How many stand before it. */
  readonly position: number;
  readonly offer: Offer;
}

/** Every argument for which something is offered. */
export function everyArgument(): Argument[] {
  return COMMANDS.flatMap(({ name, positionals }) =>
    positionals.flatMap(({ takes }, position) => {
      const offered = offer(takes);
      return offered === undefined ? [] : [{ command: name, position, offer: offered }];
    }),
  );
}

/** Items with the same offer, together. */
export function byOffer<T>(items: readonly T[], offerOfItem: (item: T) => Offer | undefined): [Offer, T[]][] {
  const groups = new Map<string, [Offer, T[]]>();
  for (const item of items) {
    const offered = offerOfItem(item);
    if (offered === undefined) continue;
    const key = JSON.stringify(offered);
    const group = groups.get(key) ?? [offered, []];
    group[1].push(item);
    groups.set(key, group);
  }
  return [...groups.values()];
}
