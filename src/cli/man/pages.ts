import { OUTCOMES, type ErrorCode } from "../../domain/errors.ts";
import { BRANCH_OPTIONS } from "../branch-flags.ts";
import { GROUPS, type Command } from "../command.ts";
import { sameOptions, SHARED_OPTIONS } from "../completion/facts.ts";
import { COMMON_OPTIONS, type Option } from "../option.ts";
import { COMMANDS, commandNamed } from "../table.ts";
import { argument, optionList, plain, prose, section, tagged, typed } from "./mdoc.ts";

/** When what is written here, and not made of the tables, was last looked through. */
const DATE = "November 22, 2026";

const head = (title: string) => `.\\" Made by: bun scripts/generate.ts\n.Dd ${DATE}\n.Dt ${title} 1\n.Os Cyme\n`;

const BY_CODE: Record<ErrorCode, string> = {
  internal: "something broke",
  invalid: "an option, an argument or a file that it names cannot be used",
  unauthorized: "no or wrong credentials",
  forbidden: "the role does not allow it",
  "not-found": "there is no such app, instance, queue, branch, user or token",
  "method-not-allowed": "the branch knows no such request",
  timeout: "a worker or a branch did not answer in time",
  conflict: "it exists already, differs, is not running, or the broker refuses it",
  "too-large": "too much was sent",
  "not-implemented": "--nowait where nothing is scheduled",
  "worker-failed": "the worker ended before it first answered",
  unavailable: "a branch or a broker cannot be reached",
};

/** The exit codes of commands, by the table that gives them. */
function exitCodes(): string {
  const codes = Object.keys(OUTCOMES) as ErrorCode[]; // Its keys are known.
  const byExit = Map.groupBy(codes, (code) => OUTCOMES[code].exit);
  const errors = [...byExit].toSorted(([a], [b]) => a - b);
  return tagged(
    [
      ["0", prose("It was done")],
      ...errors.map(([exit, some]) => [String(exit), prose(sentence(some.map((code) => BY_CODE[code])))] as const),
      ["130", prose("It was interrupted")],
    ],
    "130",
  );
}

const sentence = (parts: readonly string[]) => {
  const text = parts.join("; or ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};

const CONFIG_FILE: [string, string] = [
  "Pa ~/.config/cyme/config.json",
  prose(
    "What the commands use where neither option nor variable says it: a JSON object with the keys url, token, ca, cert and key. Only its owner may be able to read it",
  ),
];

const WORKER_FILES: [string, string][] = [
  ["Pa <instance dir>/branch.db", prose("Wishes, queues, tasks and results; SQLite")],
  ["Pa <instance dir>/branch.log", prose("The log of a branch that was started with --detach")],
  ["Pa <instance dir>/branch.pid", prose("Its process id")],
  ["Pa <instance dir>/branch.sock", prose("Where commands with --local reach a branch that runs")],
  ["Pa <instance dir>/<name>/worker.log", prose("The log of the worker of an instance")],
];

const ENVIRONMENT_FILE: [string, string] = [
  "Pa /etc/cyme/branch.env",
  prose("The variables of the branch that systemd runs, where install.sh installed it for the machine"),
];

const NO_COLOR: [string, string] = ["Ev NO_COLOR", prose("With any value nothing is coloured")];

/** The branch's own. */
const ADDRESS: [string, string] = ["Ev CYME_ADDRESS", "As\n.Ar address .\n"];

function variables(options: readonly Option[], more: readonly [string, string][] = []): string {
  const items = options.flatMap(({ name, variable }): [string, string][] =>
    variable === undefined ? [] : [[`Ev ${variable}`, `As\n.Fl \\-${name} .\n`]],
  );
  return `${prose("An option wins over its variable")}${tagged([...more, ...items, NO_COLOR])}`;
}

/** All commands. */
export function cymePage(): string {
  return [
    head("CYME"),
    section("NAME", ".Nm cyme\n.Nd keep Celery workers running\n"),
    section("SYNOPSIS", ".Nm\n.Op Ar options\n.Ar command\n.Op Ar arguments\n"),
    section(
      "DESCRIPTION",
      [
        prose("Cyme keeps Celery workers running on any number of machines"),
        "On each of them runs a branch,\n.Xr cyme-branch 1 ,\n",
        prose(
          "a daemon that starts the workers of its instances and keeps them alive. An instance is one worker; it belongs to an app, which has a broker and settings. Every branch answers for all of them",
        ),
        `.Pp\n${prose("Options may stand before or after the command. A value that begins with - is given as --arguments='-A proj' or after --. The commands instances.add and instances add are the same")}`,
        ".Pp\nThe options of all commands are:\n",
        optionList(SHARED_OPTIONS),
      ].join(""),
    ),
    section("COMMANDS", GROUPS.map(groupOfCommands).join("")),
    section("ENVIRONMENT", variables(SHARED_OPTIONS)),
    section("FILES", tagged([CONFIG_FILE, ...WORKER_FILES])),
    section("EXIT STATUS", exitCodes()),
    section(
      "EXAMPLES",
      [
        "Two workers for the project of the current folder:\n",
        typed([
          "cyme branch --detach -D /srv/cyme",
          "cyme apps.add shop --arguments='-A proj' --cwd=\"$PWD\"",
          "cyme -a shop queues.add mail",
          "cyme -a shop instances.add web",
          "cyme -a shop instances.add mailer --queues mail",
          "cyme -a shop instances.autoscale web 10 2",
          "cyme -a shop instances",
        ]),
        ".Pp\nWhat a worker says, and why it was restarted:\n",
        typed(["cyme instances.log web --follow", "cyme instances.history web"]),
        ".Pp\nHave a worker perform a request, and wait for the answer:\n",
        typed(["cyme -a shop tasks.send mail http://localhost/send -d to=ann", "cyme -a shop tasks.wait <uuid>"]),
        ".Pp\nFor programs:\n",
        typed(["cyme -F json -a shop instances.get web | jq -r .state"]),
      ].join(""),
    ),
    section("SEE ALSO", ".Xr cyme-branch 1\n"),
  ].join("");
}

function groupOfCommands(group: Command["group"]): string {
  const commands = COMMANDS.filter((command) => command.group === group);
  return `.Ss ${group}\n${tagged(commands.map((command) => [usage(command), aboutCommand(command)]))}`;
}

const usage = ({ name, positionals }: Command) =>
  [
    `Ic ${name}`,
    ...positionals.map((one) => (one.isRequired ? `Ar ${argument(one.name)}` : `Oo Ar ${argument(one.name)} Oc`)),
  ].join(" ");

function aboutCommand(command: Command): string {
  const { about, details, name } = command;
  return [prose(about), ...(details === undefined ? [] : [prose(details)]), optionsOfCommand(name)].join("");
}

/** The list is with the first of several commands that take the same ones. */
function optionsOfCommand(name: string): string {
  if (name === "branch") return "Its options are in\n.Xr cyme-branch 1 .\n";
  const same = sameOptions().find(({ names }) => names.includes(name));
  if (!same) return "";
  const [first = name] = same.names;
  return first === name ? optionList(same.options) : `Its options are those of\n.Ic ${first} .\n`;
}

/** The daemon. */
export function branchPage(): string {
  const { about = "", details = "" } = commandNamed("branch") ?? {};
  return [
    head("CYME-BRANCH"),
    section("NAME", `.Nm cyme-branch\n.Nd ${plain(about.charAt(0).toLowerCase() + about.slice(1))}\n`),
    section("SYNOPSIS", ".Nm\n.Op Ar options\n.Op Ar address\n.Nm cyme branch\n.Op Ar options\n.Op Ar address\n"),
    section(
      "DESCRIPTION",
      [
        prose("A branch starts the workers of its instances, keeps them alive, and answers for the whole cluster"),
        prose(details),
        prose(
          "Branches that share a broker are one cluster. At an address beyond this machine it answers to users alone: cyme createsuperuser -L adds the first one",
        ),
        ".Pp\nThe options are:\n",
        optionList([...BRANCH_OPTIONS, ...COMMON_OPTIONS]),
        `.Pp\nOn signals it does the following:\n`,
        tagged(
          [
            ["Dv SIGTERM , SIGINT", prose("It ends. Workers go on. A second one ends it at once")],
            ["Dv SIGHUP", prose("It opens its log file anew and reads the files of the certificate again")],
          ],
          "SIGTERM",
        ),
      ].join(""),
    ),
    section("ENVIRONMENT", variables([...BRANCH_OPTIONS, ...COMMON_OPTIONS], [ADDRESS])),
    section("FILES", tagged([...WORKER_FILES, ENVIRONMENT_FILE])),
    section(
      "EXIT STATUS",
      tagged(
        [
          ["0", prose("It was told to stop")],
          ["1", prose("Something broke: the last lines of its log say what")],
          ["2", prose("An option, a file that it names, or the instance directory cannot be used")],
          ["3", prose("A branch runs on that directory already, or another branch has that id")],
          ["4", prose("The database cannot be opened, or the address not be listened on")],
          ["130", prose("There was a second signal")],
        ],
        "130",
      ),
    ),
    section(
      "EXAMPLES",
      `In the background, with a broker that is not shown by\n.Xr ps 1 :\n${typed([
        "export CYME_BROKER=amqp://user:password@host:5672//",
        "cyme-branch -D /srv/cyme --command /srv/proj/venv/bin/celery --detach",
      ])}`,
    ),
    section("SEE ALSO", ".Xr cyme 1\n"),
  ].join("");
}
