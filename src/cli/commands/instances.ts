import type { Calls } from "../../client/calls/calls.ts";
import { clientCommand } from "../command.ts";
import type { Option } from "../option.ts";
import { ROLLING_DETAILS, ROLLING_OPTIONS } from "../rolling.ts";
import { changes, INSTANCE_PARAMETERS, parameters } from "../parameters.ts";
import { asText } from "../record.ts";
import { instanceState, type Waiting } from "../waiting.ts";

const group = "Instances";

const ofOne = (client: Calls, { app, name }: { readonly app: string | undefined; readonly name?: string }): Waiting =>
  name === undefined ? async () => "" : instanceState(client, app, name);

const LOG_OPTIONS: readonly Option[] = [
  { name: "lines", value: "n", about: "How many of its last lines", default: "100" },
  { name: "follow", about: "Go on with what is added, until Ctrl-C" },
];

export const INSTANCE_COMMANDS = [
  clientCommand("instances", {
    group,
    about: "List the instances of --app",
    examples: ["cyme -a shop instances"],
    run: (call) => call.client.instances(call.needApp()).list(),
  }),
  clientCommand("instances.add [name] [broker] [arguments] [extra_config]", {
    group,
    about: "Add one to --app; its worker starts",
    examples: [
      "cyme -a shop instances.add web",
      "cyme -a shop instances.add web --queues orders,mails --max-concurrency 4",
    ],
    waiting: ofOne,
    details:
      "Without a name it gets a UUID. The broker is the app's where none is given.\n" +
      "An empty argument counts as not given. CYME_BROKER is not read, only --broker.",
    options: INSTANCE_PARAMETERS,
    nowait: true,
    run: (call, { name, ...given }) =>
      call.client.instances(call.needApp()).add(name, parameters(call, INSTANCE_PARAMETERS, given)),
  }),
  clientCommand("instances.get <name>", {
    group,
    about: "Show one instance and its state",
    examples: ["cyme instances.get web"],
    takes: { name: "instance" },
    run: ({ client, app }, { name }) => client.instances(app).get(name),
  }),
  clientCommand("instances.set <name>", {
    group,
    about: "Change an instance",
    examples: ["cyme instances.set web --max-memory 512M --arguments='-A proj'"],
    waiting: ofOne,
    takes: { name: "instance" },
    details: "An empty option is back to the default. CYME_BROKER is not read, only --broker.",
    options: INSTANCE_PARAMETERS,
    nowait: true,
    run: (call, { name }) => call.client.instances(call.app).set(name, changes(call, INSTANCE_PARAMETERS)),
  }),
  clientCommand("instances.delete <name>", {
    group,
    about: "Stop and delete an instance",
    examples: ["cyme instances.delete web"],
    waiting: ofOne,
    takes: { name: "instance" },
    nowait: true,
    run: ({ client, app }, { name }) => client.instances(app).delete(name),
  }),
  clientCommand("instances.stats <name>", {
    group,
    about: "Ask its worker for statistics",
    examples: ["cyme instances.stats web"],
    takes: { name: "instance" },
    run: ({ client, app }, { name }) => client.instances(app).stats(name),
  }),
  clientCommand("instances.restart <name>", {
    group,
    about: "Stop its worker and start a new one",
    examples: ["cyme instances.restart web --rolling"],
    waiting: ofOne,
    takes: { name: "instance" },
    details: ROLLING_DETAILS,
    options: ROLLING_OPTIONS,
    nowait: true,
    run: ({ client, app, values }, { name }) =>
      client.instances(app).restart(name, { rolling: values.flag("rolling") }),
  }),
  clientCommand("instances.enable <name>", {
    group,
    about: "Have its worker run",
    examples: ["cyme instances.enable web"],
    waiting: ofOne,
    takes: { name: "instance" },
    nowait: true,
    run: ({ client, app }, { name }) => client.instances(app).enable(name),
  }),
  clientCommand("instances.disable <name>", {
    group,
    about: "Stop its worker until it is enabled",
    examples: ["cyme instances.disable web"],
    waiting: ofOne,
    takes: { name: "instance" },
    nowait: true,
    run: ({ client, app }, { name }) => client.instances(app).disable(name),
  }),
  clientCommand("instances.move <name> <branch>", {
    group,
    about: "Give an instance to another branch",
    examples: ["cyme instances.move web machine2"],
    waiting: ofOne,
    takes: { name: "instance", branch: "branch" },
    details: "Its worker starts there before it stops where it was.",
    nowait: true,
    run: ({ client, app }, { name, branch }) => client.instances(app).move(name, branch),
  }),
  clientCommand("instances.autoscale <name> [max] [min]", {
    group,
    about: "Show or set bounds of its processes",
    examples: ["cyme instances.autoscale web", "cyme instances.autoscale web 10 2"],
    takes: { name: "instance" },
    nowait: true,
    run: ({ client, app }, { name, ...bounds }) => client.instances(app).autoscale(name, bounds),
  }),
  clientCommand("instances.log <name>", {
    group,
    about: "Show the end of its worker's log",
    examples: ["cyme instances.log web --follow"],
    takes: { name: "instance" },
    options: LOG_OPTIONS,
    async run({ client, app, values, io }, { name }) {
      const instances = client.instances(app);
      const lines = values.source("lines") && values.text("lines");
      if (!values.flag("follow")) return instances.log(name, lines);
      const write = (text: string) => io.stdout(io.stdoutIsTTY ? asText(text) : text);
      return instances.follow(name, write, { lines });
    },
  }),
  clientCommand("instances.history <name>", {
    group,
    about: "Show what was done to it, and why",
    examples: ["cyme instances.history web"],
    takes: { name: "instance" },
    run: ({ client, app }, { name }) => client.instances(app).history(name),
  }),
];
