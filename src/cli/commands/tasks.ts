import { VERBS, type Verb } from "../../domain/task.ts";
import { clientCommand, type ClientCall } from "../command.ts";
import type { Option } from "../option.ts";

const group = "Tasks";

const SEND_OPTIONS: readonly Option[] = [
  { name: "method", short: "X", value: "verb", about: "Verb of the request; GET, with --data POST", choices: VERBS },
  { name: "data", short: "d", value: "text|@file", about: "Its body; @- is standard input", multiple: true },
  {
    name: "content-type",
    value: "type",
    about: "What the body is",
    default: "application/x-www-form-urlencoded",
  },
  { name: "uuid", value: "uuid", about: "Id of the task; a send repeated under it is one task" },
];

export const TASK_COMMANDS = [
  clientCommand("tasks.send <queue> <url>", {
    group,
    about: "Have a worker perform an HTTP request",
    examples: [
      "cyme -a shop tasks.send orders 'http://host/import?user=7'",
      "cyme -a shop tasks.send orders http://host/users -d name=ann",
      "cyme -a shop tasks.send orders http://host/users/7 -X PUT -d @user.json",
    ],
    takes: { queue: "task-queue" },
    details:
      "A worker that consumes from the queue performs it as soon as it can; the answer\n" +
      "of the web server is the result of the task. Prints its uuid once the broker has\n" +
      "the task. The data is sent as it is; more than one --data is joined by &.\n" +
      "The queue celery needs no declaration.",
    options: SEND_OPTIONS,
    nowait: true,
    view: "sent",
    waitsFor: "the broker",
    async run(call, { queue, url }) {
      const tasks = call.client.tasks(call.needApp());
      return tasks.send(queue, url, { ...(await request(call)), uuid: call.values.text("uuid") });
    },
  }),
  clientCommand("tasks.state <uuid>", {
    group,
    about: "Show how far a task is",
    examples: ["cyme -a shop tasks.state 84f8ec80-fae5-49e2-9f34-ec2555ba31af"],
    takes: { uuid: "task" },
    details: "PENDING RECEIVED STARTED RETRY SUCCESS FAILURE REVOKED. A task that nobody knows\nis PENDING too.",
    run: async (call, { uuid }) => [(await call.client.tasks(call.needApp()).state(uuid)).state],
  }),
  clientCommand("tasks.result <uuid>", {
    group,
    about: "Show its result, or why it failed",
    examples: ["cyme -a shop tasks.result 84f8ec80-fae5-49e2-9f34-ec2555ba31af"],
    takes: { uuid: "task" },
    details:
      "There is a - while there is no result. Of a URL task it is the answer of the web\nserver: status, headers, content.",
    view: "result",
    run: (call, { uuid }) => call.client.tasks(call.needApp()).result(uuid),
  }),
  clientCommand("tasks.wait <uuid>", {
    group,
    about: "The same once it is there",
    examples: ["cyme -a shop tasks.wait 84f8ec80-fae5-49e2-9f34-ec2555ba31af --timeout 300"],
    takes: { uuid: "task" },
    details:
      "Give --timeout for tasks that take longer than 60 seconds. The exit code is 0\n" +
      "for a task that failed, too: `error` in the output of -F json tells.",
    view: "result",
    waitsFor: "the result",
    run: (call, { uuid }) => call.client.tasks(call.needApp()).wait(uuid),
  }),
];

/** As curl reads the same options, but for line breaks in files, which are kept. */
async function request({ values, readFile, misuse }: ClientCall) {
  const method = values.text("method") as Verb | undefined; // One of the option's choices.
  const data = values.raw("data");
  if (data) {
    const body = joined(
      await Promise.all(data.map((one) => (one.startsWith("@") ? readFile(one.slice(1)) : bytes(one)))),
    );
    return { method, body, contentType: values.text("content-type") };
  }
  if (values.source("content-type")) throw misuse("Cannot use --content-type without --data: there is no body");
  return { method };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first = bytes("")] = parts;
  return parts.length < 2
    ? first
    : Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [bytes("&"), part])));
}
