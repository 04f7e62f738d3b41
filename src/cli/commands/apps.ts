import { clientCommand } from "../command.ts";
import { APP_PARAMETERS, changes, parameters } from "../parameters.ts";
import { appDeletion } from "../waiting.ts";

const group = "Apps";

export const APP_COMMANDS = [
  clientCommand("apps", {
    group,
    about: "List the apps",
    examples: ["cyme apps"],
    run: ({ client }) => client.apps.list(),
  }),
  clientCommand("apps.add <name> [broker] [arguments] [extra_config]", {
    group,
    about: "Create an app, or change one",
    examples: ["cyme apps.add shop", "cyme apps.add shop amqp://user:password@host/vhost --arguments='-A proj'"],
    takes: { name: "app" },
    details:
      "The broker is a URL such as amqp://user:password@host:5672//. Without one the\n" +
      "branch's own is used. An empty argument counts as not given; an empty option is\n" +
      "back to the default.",
    options: APP_PARAMETERS,
    nowait: true,
    run: (call, { name, ...given }) =>
      call.client.apps.add(name, parameters(call, APP_PARAMETERS, given, { takesBrokerVariable: true })),
  }),
  clientCommand("apps.get <name>", {
    group,
    about: "Show one app",
    examples: ["cyme apps.get shop"],
    takes: { name: "app" },
    run: ({ client }, { name }) => client.apps.get(name),
  }),
  clientCommand("apps.set <name>", {
    group,
    about: "Change it; its workers restart one by one",
    examples: ["cyme apps.set shop --command /srv/shop/bin/celery --env REGION=eu"],
    takes: { name: "app" },
    details: "An empty option is back to the default. CYME_BROKER is not read, only --broker.",
    options: APP_PARAMETERS,
    nowait: true,
    run: (call, { name }) => call.client.apps.set(name, changes(call, APP_PARAMETERS)),
  }),
  clientCommand("apps.delete <name>", {
    group,
    about: "Delete an app with all that is in it",
    examples: ["cyme apps.delete shop"],
    waiting: (client, { name }) => appDeletion(client, name),
    takes: { name: "app" },
    nowait: true,
    run: ({ client }, { name }) => client.apps.delete(name),
  }),
];
