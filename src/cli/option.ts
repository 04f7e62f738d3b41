import type { LogLevel } from "../kit/log.ts";
import type { Takes } from "./takes.ts";

/** An option of the command line: parsing, help and completions read the same row. */
export interface Option {
  /** The long form, without dashes. */
  readonly name: string;
  readonly short?: string;
  /** What help calls the value; an option without it is a flag. */
  readonly value?: string;
  readonly about: string;
  /** The environment variable that is read where the option is not given. */
  readonly variable?: string;
  /** As shown in help and used where neither option nor variable is given. */
  readonly default?: string;
  /** May be given more than once. */
  readonly multiple?: true;
  readonly choices?: readonly string[];
  /** What completion offers as its value where it has no choices. */
  readonly takes?: Takes;
}

export const LOGLEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const satisfies readonly LogLevel[]; // Not from kit/log.ts, which would load the logger into every client command.

/** Taken by every command. */
export const COMMON_OPTIONS: readonly Option[] = [
  { name: "help", short: "h", about: "Show help, of a command too" },
  { name: "version", about: "Show the version" },
  {
    name: "format",
    short: "F",
    value: "pretty|json",
    about: "For people or programs",
    variable: "CYME_FORMAT",
    default: "pretty",
    choices: ["pretty", "json"],
  },
];

/** Where a branch listens unless it is told otherwise. */
export const DEFAULT_URL = "http://127.0.0.1:8000";

/** Taken by every command that speaks to a branch. */
export const CLIENT_OPTIONS: readonly Option[] = [
  { name: "app", short: "a", value: "app", about: "The app", variable: "CYME_APP", takes: "app" },
  {
    name: "url",
    short: "u",
    value: "url",
    about: "Any branch of the cluster",
    variable: "CYME_URL",
    default: DEFAULT_URL,
  },
  { name: "nowait", short: "n", about: "Do not wait until it is done", variable: "CYME_NOWAIT" },
  { name: "local", short: "L", about: "Work on --instance-dir itself", variable: "CYME_LOCAL" },
  {
    name: "instance-dir",
    short: "D",
    value: "dir",
    about: "Directory of the branch",
    variable: "CYME_INSTANCE_DIR",
    default: "instances",
    takes: "folder",
  },
  {
    name: "loglevel",
    short: "l",
    value: "level",
    about: "Log level of --local",
    variable: "CYME_LOGLEVEL",
    choices: LOGLEVELS,
  },
  {
    name: "logfile",
    short: "f",
    value: "file",
    about: "Log file of --local",
    variable: "CYME_LOGFILE",
    takes: "file",
  },
  {
    name: "broker",
    short: "b",
    value: "url",
    about: "Broker of what is added or set",
    variable: "CYME_BROKER",
  },
  { name: "token", value: "token", about: "Who is asking; better the variable", variable: "CYME_TOKEN" },
  { name: "ca", value: "file", about: "Authority of the branch's certificate", variable: "CYME_CA", takes: "file" },
  { name: "cert", value: "file", about: "Certificate of this client", variable: "CYME_CERT", takes: "file" },
  { name: "key", value: "file", about: "Key of that certificate", variable: "CYME_KEY", takes: "file" },
  { name: "timeout", value: "seconds", about: "Deadline of the command", variable: "CYME_TIMEOUT", default: "60" },
];
