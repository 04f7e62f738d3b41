import { clientCommand } from "../command.ts";
import { queueDeletion } from "../waiting.ts";

export const QUEUE_COMMANDS = [
  clientCommand("queues", {
    group: "Queues",
    about: "List the queues of --app",
    examples: ["cyme -a shop queues"],
    run: (call) => call.client.queues(call.needApp()).list(),
  }),
  clientCommand("queues.add <name> [exchange] [exchange_type] [routing_key] [options]", {
    group: "Queues",
    about: "Declare a queue of --app, or change it",
    examples: [
      "cyme -a shop queues.add orders",
      "cyme -a shop queues.add mails events topic 'mail.#' '{\"durable\": false}'",
    ],
    takes: { name: "queue", exchange_type: ["direct", "topic", "fanout", "headers"] },
    details:
      "Exchange and routing key default to the name, the type to direct. Options are a\n" +
      "JSON object as in kombu's entry_to_queue, such as '{\"durable\": false}'.\n" +
      "An empty argument counts as not given.",
    nowait: true,
    run: (call, { name, ...given }) => call.client.queues(call.needApp()).add(name, withoutAbsent(given)),
  }),
  clientCommand("queues.get <name>", {
    group: "Queues",
    about: "Show one declaration",
    examples: ["cyme -a shop queues.get orders"],
    takes: { name: "queue" },
    run: (call, { name }) => call.client.queues(call.needApp()).get(name),
  }),
  clientCommand("queues.delete <name>", {
    group: "Queues",
    about: "Delete it; nothing consumes from it then",
    examples: ["cyme -a shop queues.delete orders"],
    waiting: (client, { name, app }) => (app === undefined ? async () => "" : queueDeletion(client, app, name)),
    takes: { name: "queue" },
    nowait: true,
    run: (call, { name }) => call.client.queues(call.needApp()).delete(name),
  }),
  clientCommand("consumers <instance>", {
    group: "Consumers",
    about: "List what an instance consumes from",
    examples: ["cyme consumers web"],
    takes: { instance: "instance" },
    view: "by name",
    run: ({ client, app }, { instance }) => client.consumers(app).list(instance),
  }),
  clientCommand("consumers.add <instance> <queue>", {
    group: "Consumers",
    about: "Have it consume from a queue",
    examples: ["cyme -a shop consumers.add web orders"],
    takes: { instance: "instance", queue: "queue" },
    nowait: true,
    run: ({ client, app }, { instance, queue }) => client.consumers(app).add(instance, queue),
  }),
  clientCommand("consumers.delete <instance> <queue>", {
    group: "Consumers",
    about: "Have it stop consuming from a queue",
    examples: ["cyme -a shop consumers.delete web orders"],
    takes: { instance: "instance", queue: "consumed-queue" },
    nowait: true,
    run: ({ client, app }, { instance, queue }) => client.consumers(app).delete(instance, queue),
  }),
];

function withoutAbsent<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
