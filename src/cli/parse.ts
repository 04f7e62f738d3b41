import { parseArgs } from "node:util";
import { CymeError } from "../domain/errors.ts";
import type { Command } from "./command.ts";
import type { Environment } from "./io.ts";
import type { Option } from "./option.ts";
import { nearest, nearestOf } from "./suggest.ts";
import { COMMANDS, commandNamed, optionsOf } from "./table.ts";
import { Values } from "./values.ts";

/** The command line, split but not yet judged. */
export interface Scanned {
  readonly words: readonly Word[];
  readonly options: readonly Given[];
}

interface Word {
  readonly text: string;
  /** Behind `--`: an argument, never a part of the command's name. */
  readonly isLiteral: boolean;
}

interface Given {
  readonly name: string;
  /** As typed, with its dashes. */
  readonly rawName: string;
  readonly value: string | undefined;
  /** Written as --name=value or -nvalue. */
  readonly isInline: boolean;
}

/**
 * Splits the command line. Which options take a value is known from all commands together, since an option may stand before
 * the command. Never throws: what is wrong is said once the command is known.
 */
export function scan(argv: readonly string[]): Scanned {
  // Not strict: its errors come one at a time, without the command and without a suggestion.
  const { tokens } = parseArgs({
    args: [...argv],
    options: parserOptions(),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: Word[] = [];
  const options: Given[] = [];
  let isLiteral = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") isLiteral = true;
    else if (token.kind === "positional") words.push({ text: token.value, isLiteral });
    else {
      const { name, rawName, value } = token;
      options.push({ name, rawName, value, isInline: token.inlineValue === true });
    }
  }
  return { words, options };
}

type ParserOption = { type: "string" | "boolean"; short?: string };

function parserOptions(): Record<string, ParserOption> {
  const all = COMMANDS.flatMap(optionsOf);
  return Object.fromEntries(
    all.map(({ name, short, value }) => [
      name,
      { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) },
    ]),
  );
}

export const isGiven = (scanned: Scanned, name: string) => scanned.options.some((given) => given.name === name);

/** Whether errors are wanted as JSON; known even when the rest of the command line cannot be read. */
export const wantsJson = (scanned: Scanned, env: Environment): boolean =>
  (lastOf(scanned, "format") || env["CYME_FORMAT"])?.toLowerCase() === "json";

/** The app that was named, if any; likewise. */
export const appOf = (scanned: Scanned, env: Environment): string | undefined =>
  lastOf(scanned, "app") || env["CYME_APP"] || undefined;

const lastOf = ({ options }: Scanned, wanted: string) => options.findLast(({ name }) => name === wanted)?.value;

/** The command that the words begin with, one word or two (`instances add`), and the words behind it. */
export function findCommand(words: readonly Word[]): { command: Command; rest: readonly Word[] } {
  const [first, second] = words;
  if (!first || first.isLiteral) throw misuse(NOTHING, USAGE);
  const joined = second && !second.isLiteral ? `${first.text}.${second.text}` : undefined;
  const two = joined === undefined ? undefined : commandNamed(joined);
  if (two) return { command: two, rest: words.slice(2) };
  const one = commandNamed(first.text);
  if (one) return { command: one, rest: words.slice(1) };
  throw unknownCommand(first.text, joined);
}

/** Finds the command of a name as a person may write it: `instances.add`, or `instances` and `add`. */
export function findCommandByName(names: readonly string[]): Command {
  const { command, rest } = findCommand(names.map((text) => ({ text, isLiteral: false })));
  if (rest.length > 0) throw unknownCommand(names.join("."), undefined);
  return command;
}

/** What is wrong with a command line of options alone. */
export function noCommand({ options }: Scanned): CymeError {
  const known = COMMANDS.flatMap(optionsOf).map(({ name }) => name);
  const unknown = options.find(({ name }) => !known.includes(name));
  if (unknown === undefined) return misuse(NOTHING, USAGE);
  const suggestion = nearest(unknown.name, known);
  const hint = suggestion === undefined ? "; `cyme help` lists them" : `; did you mean --${suggestion}?`;
  return misuse(`Cannot use ${unknown.rawName}: no command has such an option${hint}`, USAGE);
}

const NOTHING = "Cannot run nothing: wanted a command; `cyme help` lists them";
const USAGE = "cyme [options] <command>";

function unknownCommand(typed: string, joined: string | undefined): CymeError {
  const readings = joined === undefined ? [typed] : [joined, typed];
  const suggestion = nearestOf(
    readings,
    COMMANDS.map(({ name }) => name),
  );
  const hint = suggestion === undefined ? "; `cyme help` lists the commands" : `; did you mean ${suggestion}?`;
  return misuse(`Cannot find the command ${JSON.stringify(typed)}${hint}`);
}

/** The arguments by name. An empty one counts as not given. */
export function bindArguments(command: Command, words: readonly Word[]): Record<string, string | undefined> {
  const { positionals, name, usage } = command;
  const surplus = words[positionals.length];
  if (surplus) {
    const known = COMMANDS.map((other) => other.name);
    const suggestion = words.length === 1 ? nearest(`${name}.${surplus.text}`, known) : undefined;
    const hint = suggestion === undefined || suggestion === name ? "" : `; did you mean ${suggestion}?`;
    throw misuse(`Cannot take the argument ${JSON.stringify(surplus.text)} of ${name}${hint}`, usageLine(usage));
  }
  const bound: Record<string, string | undefined> = {};
  for (const [index, positional] of positionals.entries()) {
    const text = words[index]?.text || undefined;
    if (text === undefined && positional.isRequired) {
      throw misuse(`Cannot run ${name} without <${positional.name}>`, usageLine(usage));
    }
    bound[positional.name] = text;
  }
  return bound;
}

/** The options of the command, each checked. */
export function bindOptions(command: Command, scanned: Scanned, env: Environment): Values {
  const options = optionsOf(command);
  const known = new Map(options.map((option) => [option.name, option]));
  const given = new Map<string, string[]>();
  for (const one of scanned.options) {
    const option = known.get(one.name);
    if (!option) throw unknownOption(command, one, options);
    const value = optionValue(option, one);
    given.set(option.name, [...(given.get(option.name) ?? []), value]);
  }
  return new Values(options, given, env);
}

function unknownOption(command: Command, { name, rawName }: Given, options: readonly Option[]): CymeError {
  const suggestion = nearest(
    name,
    options.map((option) => option.name),
  );
  const hint = suggestion === undefined ? "" : `; did you mean --${suggestion}?`;
  const line = `cyme ${command.name} --help`;
  return misuse(`Cannot use ${rawName}: ${command.name} has no such option${hint}`, line);
}

function optionValue(option: Option, { rawName, value, isInline }: Given): string {
  if (option.value === undefined) {
    if (value !== undefined) throw misuse(`Cannot use ${rawName} with a value: it is a flag`);
    return "1";
  }
  const example = `--${option.name}=<${option.value}>`;
  if (value === undefined) throw misuse(`Cannot use ${rawName} without a value: wanted ${example}`);
  if (!isInline && value.length > 1 && value.startsWith("-")) {
    // Not shown: what follows may be a secret that was meant as the value.
    throw misuse(`Cannot use ${rawName} without a value: one that starts with - is given as ${example}`);
  }
  return value;
}

export const usageLine = (usage: string) => `cyme ${usage}`;

/** A command line that cannot be run; `usage` is how it could. */
export function misuse(message: string, usage?: string): CymeError {
  return new CymeError("invalid", message, usage === undefined ? {} : { usage });
}
