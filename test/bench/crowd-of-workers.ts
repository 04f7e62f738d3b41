/**
 * Answers for many workers from one process, over a real broker: each node has its mailbox and its direct queue, with consumers, as Celery
 * declares them, and answers what it is asked with bodies as long as Celery's. Started by `startWorkers`, ends with who started it, and is told when
 * it is ready, when a round begins, and when all have answered.
 */
import { AMQPClient, type AMQPChannel, type AMQPMessage } from "@cloudamqp/amqp-client";

interface Question {
  readonly method: string;
  readonly destination: readonly string[] | null;
  readonly pattern?: string;
  readonly ticket: string;
  readonly reply_to?: { readonly exchange: string; readonly routing_key: string };
}

/** Which nodes there are, and where. */
export interface CrowdOfWorkers {
  readonly url: string;
  readonly nodes: readonly string[];
}

/** How many nodes share a channel: a connection has at most 2047. */
const NODES_PER_CHANNEL = 50;
const MAILBOX = { "x-expires": 10_000, "x-message-ttl": 300_000 };

const { url, nodes } = JSON.parse(process.argv[2] ?? "") as CrowdOfWorkers;
const connection = await new AMQPClient(url).connect();
const replies = await connection.channel();
let last: { readonly body: string; readonly question: Question; readonly to: ReadonlySet<string> } | undefined;

/** A broadcast comes once for each node: read once. */
function questionIn(message: AMQPMessage) {
  const body = message.bodyString() ?? "";
  if (last?.body !== body) {
    const question = JSON.parse(body) as Question;
    last = { body, question, to: new Set(question.destination) };
    if (question.method === "active_queues" && last.to.size !== 1) beginRound();
  }
  return last;
}

/** A round asks twice: when both questions are answered for all nodes it is over, as far as workers are concerned. */
let unanswered = 0;

function beginRound(): void {
  unanswered = 2 * nodes.length;
  process.send?.("asked");
}

function noteAnswer(): void {
  if (--unanswered === 0) process.send?.("answered");
}

function hear(node: string, message: AMQPMessage): void {
  const { question, to } = questionIn(message);
  const { pattern, ticket, reply_to: replyTo } = question;
  // Of patterns only "*@branch" is understood.
  const isMeant = to.has(node) || (to.size === 0 && pattern !== undefined && node.endsWith(pattern.slice(1)));
  if (!isMeant || !replyTo) return;
  const text = JSON.stringify({ [node]: answer(question.method, node) });
  const properties = { contentType: "application/json", contentEncoding: "utf-8", headers: { ticket, clock: 3 } };
  void replies.basicPublish(replyTo.exchange, replyTo.routing_key, text, properties);
  noteAnswer();
}

/** As Celery 5.2 answers, with prefork and the bounds that an instance has by default. */
function answer(method: string, node: string): unknown {
  const queue = directQueue(node);
  switch (method) {
    case "ping":
      return { ok: "pong" };
    case "active_queues":
      return [queueObject(queue)];
    case "stats":
      return STATS;
    default:
      return [];
  }
}

const directQueue = (node: string) => `dq.${node.slice(0, node.lastIndexOf("@"))}`;

const queueObject = (name: string) => ({
  name,
  exchange: { name, type: "direct", arguments: null, durable: true, passive: false, auto_delete: false },
  routing_key: name,
  queue_arguments: null,
  binding_arguments: null,
  consumer_arguments: null,
  durable: true,
  exclusive: false,
  auto_delete: false,
  no_ack: false,
  alias: null,
  bindings: [],
  no_declare: null,
  expires: null,
  message_ttl: null,
  max_length: null,
  max_length_bytes: null,
  max_priority: null,
});

const STATS = {
  total: {},
  pid: 13765,
  clock: "54",
  uptime: 27,
  prefetch_count: 12,
  pool: {
    implementation: "celery.concurrency.prefork:TaskPool",
    "max-concurrency": 1,
    processes: [13772],
    "max-tasks-per-child": "N/A",
    "put-guarded-by-semaphore": false,
    timeouts: [0, 0],
    writes: { total: 0, avg: "0.00", all: "", raw: "", strategy: "fair", inqueues: { total: 1, active: 0 } },
  },
  autoscaler: { max: 1, min: 1, current: 1, qty: 0 },
  broker: { hostname: "127.0.0.1", userid: "guest", virtual_host: "/", port: 5672, transport: "amqp", heartbeat: 120 },
  rusage: { utime: 0.35, stime: 0.06, maxrss: 44348 },
};

async function join(channel: AMQPChannel, node: string): Promise<void> {
  const mailbox = `${node}.celery.pidbox`;
  await channel.queueDeclare(mailbox, { durable: false, autoDelete: true }, MAILBOX);
  await channel.queueBind(mailbox, "celery.pidbox", "");
  await channel.basicConsume(mailbox, { noAck: true }, (message) => hear(node, message));
  await channel.queueDeclare(directQueue(node), { durable: true });
  await channel.basicConsume(directQueue(node), { noAck: true }, () => {});
}

await replies.exchangeDeclare("celery.pidbox", "fanout", { durable: false, autoDelete: false });
for (let first = 0; first < nodes.length; first += NODES_PER_CHANNEL) {
  const channel = await connection.channel();
  for (const node of nodes.slice(first, first + NODES_PER_CHANNEL)) await join(channel, node);
}
process.on("disconnect", () => process.exit());
process.send?.("ready");
