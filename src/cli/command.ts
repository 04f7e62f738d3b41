import type { Calls } from "../client/calls/calls.ts";
import type { Environment, Io } from "./io.ts";
import type { Look } from "./look.ts";
import type { Option } from "./option.ts";
import type { Rooms } from "./rooms.ts";
import type { Takes } from "./takes.ts";
import type { Values } from "./values.ts";
import type { Waiting } from "./waiting.ts";

export const GROUPS = [
  "This machine",
  "Apps",
  "Instances",
  "Queues",
  "Consumers",
  "Tasks",
  "Branches",
  "Access",
  "More",
] as const;
type Group = (typeof GROUPS)[number];

/** The arguments that a usage line names: `<a>` is text, `[b]` may be absent. */
type Args<Usage extends string> = Usage extends `${infer A} ${infer B}`
  ? Args<A> & Args<B>
  : Usage extends `<${infer Name}>`
    ? { readonly [K in Name]: string }
    : Usage extends `[${infer Name}]`
      ? { readonly [K in Name]?: string }
      : unknown;

/** What a command that speaks to a branch is given. */
export interface ClientCall {
  readonly client: Calls;
  readonly values: Values;
  readonly io: Io;
  /** The app that was named, if any. */
  readonly app: string | undefined;
  /** The app; throws `invalid` where none was named. */
  needApp(): string;
  /** The bytes of a file, of standard input where it is called `-`; throws `invalid` where it cannot be read. */
  readFile(path: string): Promise<Uint8Array>;
  /** Asks twice for a new password of that user, or reads it from standard input. */
  newPassword(user: string): Promise<string>;
  /** Asks whom a command is about. */
  askUserName(): Promise<string>;
  /** The terminal for a command that goes on until it is ended; throws `invalid` where that is none. */
  stage(): Stage;
  /** Adds how the command is used to a complaint. */
  misuse(message: string): Error;
}

/** A terminal that a command has for itself. */
export interface Stage {
  readonly write: (text: string) => void;
  /** How something is to be shown now. */
  look(): Look;
  /** Calls back when the terminal has another size; gives what ends that. */
  onResize(listener: () => void): () => void;
  /** Has `q` end the command too, and shows nothing of what is typed; gives what ends that. */
  quitByKey(): () => void;
}

/** What a command that needs no branch is given. */
interface OwnCall {
  readonly values: Values;
  readonly io: Io;
  readonly env: Environment;
  readonly rooms: Rooms;
}

/** How an answer is shown to people where its own shape does not say it. */
export type View = "status" | "by name" | "result" | "sent";

interface Row<Usage extends string> {
  readonly group: Group;
  readonly about: string;
  /** Command lines that people may begin with. */
  readonly examples: readonly string[];
  /** More lines for the help of this command. */
  readonly details?: string;
  readonly options?: readonly Option[];
  /** What completion offers for the arguments, by their names. */
  readonly takes?: { readonly [Name in keyof Args<Usage>]?: Takes };
}

interface ClientRow<Usage extends string> extends Row<Usage> {
  /** Whether `--nowait` means something here. */
  readonly nowait?: true;
  /** What people are told where there is nothing to list, by which they may have expected something. */
  readonly none?: string;
  /** Works on the branch of `--instance-dir` unless an address is given. */
  readonly isForThisBranch?: true;
  readonly view?: View;
  /** What takes the time, where it is not the branch that works. */
  readonly waitsFor?: string;
  /** Of what may take long: says meanwhile what is waited for. Called before it is begun, with a client that only looks. */
  waiting?(client: Calls, args: Args<Usage> & { readonly app: string | undefined }): Waiting;
  /** What is to be printed: text as it is, everything else by its shape; nothing when it resolves to undefined. */
  run(call: ClientCall, args: Args<Usage>): Promise<unknown>;
}

interface OwnRow<Usage extends string> extends Row<Usage> {
  /** Resolves to the exit code. */
  run(call: OwnCall, args: Args<Usage>): Promise<number>;
}

interface Named {
  readonly name: string;
  readonly usage: string;
  readonly positionals: readonly Positional[];
}

interface Positional {
  readonly name: string;
  readonly isRequired: boolean;
  readonly takes?: Takes;
}

export type ClientCommand = Named & ClientRow<string> & { readonly kind: "client" };
export type OwnCommand = Named & OwnRow<string> & { readonly kind: "own" };
export type Command = ClientCommand | OwnCommand;

/** A row for a command that speaks to a branch; the usage line names it and types its arguments. */
export function clientCommand<Usage extends string>(usage: Usage, row: ClientRow<Usage>): ClientCommand {
  // The parser fills in exactly what the usage line names.
  return { kind: "client", ...named(usage, row.takes), ...(row as unknown as ClientRow<string>) };
}

/** A row for a command that needs no branch. */
export function ownCommand<Usage extends string>(usage: Usage, row: OwnRow<Usage>): OwnCommand {
  return { kind: "own", ...named(usage, row.takes), ...(row as unknown as OwnRow<string>) };
}

function named(usage: string, takes: Readonly<Record<string, Takes | undefined>> = {}): Named {
  const [name = "", ...words] = usage.split(" ");
  const positionals = words.map((word) => {
    const argument = word.slice(1, -1);
    const taken = takes[argument];
    return { name: argument, isRequired: word.startsWith("<"), ...(taken === undefined ? {} : { takes: taken }) };
  });
  return { name, usage, positionals };
}
