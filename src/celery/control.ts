import { AmqpAway, AmqpLink, type AmqpLinkOptions, type AMQPChannel, type AMQPMessage } from "../kit/amqp.ts";
import { parsePythonJson } from "./python-json.ts";

/** What workers answered, by node name, and which of those asked did not. */
export interface Gathered {
  readonly replies: Map<string, unknown>;
  readonly silent: string[];
}

/** Celery's remote control. Nodes are full names, `web@branch`, and at least one must be given: none would mean every worker. */
export interface Control {
  /**
   * Asks all `nodes` at once, with many of them the other workers of their branch as well (so nothing that changes something), and gathers their answers, until all have answered or `timeoutMs` is over. Rejects AmqpAway
   * where the broker did not take the question or was lost meanwhile: then silence says nothing about a worker.
   */
  ask(method: string, args: Record<string, unknown>, nodes: readonly string[], timeoutMs: number): Promise<Gathered>;
  /** Tells without waiting for answers; resolves when the broker has it. Rejects AmqpAway. */
  cast(method: string, args: Record<string, unknown>, nodes: readonly string[]): Promise<void>;
  /**
   * Sends a message through the broker to where answers come in: whether one would be heard. False where it has not come back
   * within `timeoutMs`, or the broker is away.
   */
  echo(timeoutMs: number): Promise<boolean>;
  /** Calls back with the node of every reply, late ones too: each is a sign of life. Returns a function that ends that. */
  onReply(listener: (node: string) => void): () => void;
}

/** The exchange that all workers listen to. Any difference to what they declare would end them. */
const EXCHANGE = "celery.pidbox";
const EXCHANGE_FLAGS = { durable: false, autoDelete: false };
const CAST_MS = 5_000;

/** A promise that is settled by name, at the latest when the link is lost. */
interface Call<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: AmqpAway): void;
}

/** Where questions go out and answers come in: lives with one connection. */
interface Mailbox {
  readonly channel: AMQPChannel;
  readonly replyQueue: string;
}

/** Remote control over one link to a broker, which it owns: start and stop it by `link`. */
export class AmqpControl implements Control {
  readonly link: AmqpLink;
  readonly #options: Omit<AmqpLinkOptions, "setup">;
  readonly #questions = new Map<string, Question>();
  /** What to call when an echo is back, by ticket. */
  readonly #echoes = new Map<string, () => void>();
  readonly #calls = new Set<{ reject(error: AmqpAway): void }>();
  readonly #listeners = new Set<(node: string) => void>();
  #mailbox: Mailbox | undefined;

  constructor(options: Omit<AmqpLinkOptions, "setup">) {
    this.#options = options;
    this.link = new AmqpLink({ ...options, setup: (channel) => this.#openMailbox(channel) });
    this.link.onState((state) => {
      if (state.is === "up") return;
      for (const call of this.#calls) call.reject(this.#away());
    });
  }

  async ask(
    method: string,
    args: Record<string, unknown>,
    nodes: readonly string[],
    timeoutMs: number,
  ): Promise<Gathered> {
    const { channel, replyQueue } = this.#usable(method, nodes);
    const ticket = crypto.randomUUID();
    let isTaken = false;
    const call = this.#call<Gathered>(timeoutMs, () => {
      if (isTaken) call.resolve(question.gathered());
      else call.reject(tookNothing(timeoutMs));
    });
    const question = new Question(nodes, () => call.resolve(question.gathered()));
    this.#questions.set(ticket, question);
    const replyTo = { exchange: "", routing_key: replyQueue };
    publish(channel, { method, arguments: args, destination: nodes, ticket, reply_to: replyTo }).then(() => {
      isTaken = true;
    }, call.reject);
    try {
      return await call.promise;
    } finally {
      this.#questions.delete(ticket);
    }
  }

  async cast(method: string, args: Record<string, unknown>, nodes: readonly string[]): Promise<void> {
    const { channel } = this.#usable(method, nodes);
    const call = this.#call<void>(CAST_MS, () => call.reject(tookNothing(CAST_MS)));
    publish(channel, { method, arguments: args, destination: nodes }).then(call.resolve, call.reject);
    return call.promise;
  }

  async echo(timeoutMs: number): Promise<boolean> {
    const ticket = crypto.randomUUID();
    try {
      const { channel, replyQueue } = this.#mailboxOf();
      const call = this.#call<boolean>(timeoutMs, () => call.resolve(false));
      this.#echoes.set(ticket, () => call.resolve(true));
      const properties = { contentType: "application/json", headers: { ticket } };
      channel.basicPublish("", replyQueue, "{}", properties).catch(() => call.resolve(false));
      return await call.promise;
    } catch (error) {
      if (error instanceof AmqpAway) return false;
      throw error;
    } finally {
      this.#echoes.delete(ticket);
    }
  }

  /** Calls back with the node's name on every answer, late ones too; returns a function that ends that. */
  onReply(listener: (node: string) => void): () => void {
    const own = (node: string) => listener(node);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  #usable(method: string, nodes: readonly string[]): Mailbox {
    if (nodes.length === 0) throw new Error(`Cannot send ${method} to no nodes, as that would mean all of them`);
    return this.#mailboxOf();
  }

  #mailboxOf(): Mailbox {
    if (this.link.state.is !== "up" || !this.#mailbox) throw this.#away();
    return this.#mailbox;
  }

  #away(): AmqpAway {
    const { state } = this.link;
    return state.is === "away" ? new AmqpAway(state.reason, state.refused) : new AmqpAway("it has not answered yet");
  }

  /** A call that is rejected when the link is lost; after `timeoutMs`, `onLate` settles it. */
  #call<T>(timeoutMs: number, onLate: () => void): Call<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const cancel = this.#options.clock.after(timeoutMs, onLate);
    const ending =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        cancel();
        this.#calls.delete(call);
        settle(value);
      };
    const call: Call<T> = { promise, resolve: ending(resolve), reject: ending(reject) };
    this.#calls.add(call);
    return call;
  }

  async #openMailbox(channel: AMQPChannel): Promise<void> {
    await channel.confirmSelect();
    await channel.exchangeDeclare(EXCHANGE, "fanout", EXCHANGE_FLAGS);
    const { name } = await channel.queueDeclare("", { durable: false, autoDelete: true, exclusive: true });
    const consumer = await channel.basicConsume(name, { noAck: true }, (message) => this.#onMessage(message));
    // Somebody deleted the queue: as an error of the channel it breaks the connection, and all is declared again.
    consumer.wait().catch(() => channel.onerror("the queue for replies was deleted"));
    this.#mailbox = { channel, replyQueue: name };
  }

  #onMessage(message: AMQPMessage): void {
    const ticket = String(message.properties.headers?.["ticket"]);
    this.#echoes.get(ticket)?.();
    const question = this.#questions.get(ticket);
    const body = parseReply(message);
    if (body === undefined)
      this.#options.log.warning("a reply of a worker cannot be read", { bytes: message.bodySize });
    for (const [node, reply] of Object.entries(body ?? {})) {
      question?.heard(node, reply);
      this.#tell(node);
    }
  }

  #tell(node: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(node);
      } catch (error) {
        this.#options.log.error("a listener to replies failed", { node, error });
      }
    }
  }
}

/** Who was asked, and what has been heard so far. */
class Question {
  readonly #nodes: ReadonlySet<string>;
  readonly #onComplete: () => void;
  readonly #replies = new Map<string, unknown>();

  constructor(nodes: readonly string[], onComplete: () => void) {
    this.#nodes = new Set(nodes);
    this.#onComplete = onComplete;
  }

  heard(node: string, reply: unknown): void {
    if (!this.#nodes.has(node)) return;
    this.#replies.set(node, reply);
    if (this.#replies.size === this.#nodes.size) this.#onComplete();
  }

  gathered(): Gathered {
    return { replies: this.#replies, silent: [...this.#nodes].filter((node) => !this.#replies.has(node)) };
  }
}

/**
 * Resolves when the broker has confirmed the message; rejects AmqpAway. One node is sent the message alone, to its mailbox
 * (kombu/pidbox.py `Node`: `<node>.celery.pidbox`), since the exchange would wake every worker on the broker. Workers refuse any other content type, and take no
 * `clock` header: it would be merged into the logical clock of the whole cluster.
 */
async function publish(
  channel: AMQPChannel,
  request: Record<string, unknown> & { readonly destination: readonly string[] },
): Promise<void> {
  const [node = "", ...others] = request.destination;
  const [exchange, key] = others.length === 0 ? ["", `${node}.${EXCHANGE}`] : [EXCHANGE, ""];
  try {
    await channel.basicPublish(exchange, key, JSON.stringify({ ...request, ...audience(request.destination) }), {
      contentType: "application/json",
      contentEncoding: "utf-8",
    });
  } catch (error) {
    throw new AmqpAway(error instanceof Error ? error.message : String(error));
  }
}

/** Longer lists cost more than they spare: each worker on the broker gets a copy, for it to look for its own name. */
const SPELLED_OUT = 50;

/** Whom a broadcast is for: by name, or by what many names have in common (kombu/pidbox.py `Node.handle_message`). */
function audience(nodes: readonly string[]) {
  const [first = ""] = nodes;
  const host = first.slice(first.lastIndexOf("@"));
  const isShort = nodes.length <= SPELLED_OUT || !nodes.every((node) => node.endsWith(host));
  // Names of branches hold no character that means something in a pattern.
  return isShort ? { destination: nodes } : { destination: null, pattern: `*${host}`, matcher: "glob" };
}

function tookNothing(timeoutMs: number): AmqpAway {
  return new AmqpAway(`it did not take a message within ${timeoutMs / 1000} s`);
}

/** The reply's object of node name → answer; undefined where it is none. */
function parseReply(message: AMQPMessage): Record<string, unknown> | undefined {
  try {
    const body = parsePythonJson(message.bodyString() ?? "");
    return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body } : undefined;
  } catch {
    return undefined;
  }
}
