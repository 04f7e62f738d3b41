import { invalid } from "../domain/errors.ts";
import { refuseHugeNumbers, type Queue } from "../domain/queue.ts";
import { AmqpRefused, type AMQPChannel, type Link } from "../kit/amqp.ts";

type ArgumentTable = Readonly<Record<string, unknown>>;

/** What of a queue declaration reaches the broker. */
export interface ResolvedQueue {
  readonly exchange: {
    readonly name: string;
    readonly type: string;
    readonly durable: boolean;
    readonly autoDelete: boolean;
    readonly arguments: ArgumentTable;
    /** The broker has exchanges `amq.…` of its own: they are bound to, never declared. */
    readonly isDeclared: boolean;
  };
  readonly queue: {
    readonly name: string;
    readonly durable: boolean;
    readonly exclusive: boolean;
    readonly autoDelete: boolean;
    readonly arguments: ArgumentTable;
  };
  readonly binding: { readonly routingKey: string; readonly arguments: ArgumentTable };
}

/** The rules of kombu (kombu/entity.py, `Queue.from_dict` and `Queue.declare`). Throws `invalid` for numbers beyond AMQP's. */
export function resolveQueue({ name, exchange, exchangeType, routingKey, options }: Queue): ResolvedQueue {
  const given = options ?? {};
  const exclusive = given.exclusive ?? false;
  return {
    exchange: {
      name: exchange,
      type: exchangeType,
      durable: given.exchange_durable ?? given.durable ?? true,
      autoDelete: given.exchange_auto_delete ?? given.auto_delete ?? false,
      arguments: argumentTable("exchange_arguments", given.exchange_arguments),
      isDeclared: !exchange.startsWith("amq."),
    },
    queue: {
      name,
      durable: given.queue_durable ?? given.durable ?? true,
      exclusive,
      autoDelete: exclusive || (given.queue_auto_delete ?? given.auto_delete ?? false),
      arguments: argumentTable("queue_arguments", given.queue_arguments),
    },
    binding: {
      // As in Python's `or`: an empty binding key is none.
      routingKey: given.binding_key || routingKey,
      arguments: argumentTable("binding_arguments", given.binding_arguments),
    },
  };
}

/** The arguments of remote control's `add_consumer`, which make a worker come to the same as `resolveQueue`. */
export function addConsumerArguments({
  name,
  exchange,
  exchangeType,
  routingKey,
  options,
}: Queue): Record<string, unknown> {
  return { ...options, queue: name, exchange, exchange_type: exchangeType, routing_key: routingKey };
}

/**
 * Declares exchange, queue and binding as a worker will, so that it cannot be refused: a worker that is refused dies.
 * Rejects AmqpRefused, where the worker would die, and AmqpAway. An exclusive queue would belong to our connection, so it
 * is only looked at: it must not be there yet.
 */
export async function declareQueue(link: Link, queue: Queue): Promise<void> {
  const resolved = resolveQueue(queue);
  if (resolved.queue.exclusive) {
    await onChannel(link, (channel) => declareExchange(channel, resolved));
    await refuseExisting(link, resolved);
    return;
  }
  await onChannel(link, async (channel) => {
    await declareExchange(channel, resolved);
    await declareOnlyQueue(channel, resolved);
    const { queue: named, exchange, binding } = resolved;
    await channel.queueBind(named.name, exchange.name, binding.routingKey, { ...binding.arguments });
  });
}

/**
 * Whether what the broker has already agrees with a declaration, creating nothing. Rejects AmqpRefused where it does not,
 * and AmqpAway.
 */
export async function probeQueue(link: Link, queue: Queue): Promise<void> {
  const resolved = resolveQueue(queue);
  const { exchange, queue: named } = resolved;
  if (!exchange.isDeclared) {
    await onChannel(link, (channel) => channel.exchangeDeclare(exchange.name, exchange.type, { passive: true }));
  } else if (
    await exists(link, (channel) => channel.exchangeDeclare(exchange.name, exchange.type, { passive: true }))
  ) {
    await onChannel(link, (channel) => declareExchange(channel, resolved));
  }
  if (named.exclusive) await refuseExisting(link, resolved);
  else if (await exists(link, (channel) => channel.queueDeclare(named.name, { passive: true }))) {
    await onChannel(link, (channel) => declareOnlyQueue(channel, resolved));
  }
}

/** Whether both bind their queue to the same exchange in the same way. */
export function isSameBinding(a: Queue, b: Queue): boolean {
  const [one, other] = [resolveQueue(a), resolveQueue(b)];
  return Bun.deepEquals([one.exchange.name, one.binding], [other.exchange.name, other.binding]);
}

/**
 * Moves a queue that is on the broker to the binding of another declaration: first the new one, then the old one goes, so
 * that no message is without a way meanwhile. Whoever declares a queue later binds it. Rejects AmqpRefused, AmqpAway.
 */
export async function rebindQueue(link: Link, before: Queue, after: Queue): Promise<void> {
  if (!(await exists(link, (channel) => channel.queueDeclare(after.name, { passive: true })))) return;
  await declareQueue(link, after);
  await unbindQueue(link, before);
}

/** Removes the binding of a declaration; absent is fine. Rejects AmqpRefused, AmqpAway. */
export async function unbindQueue(link: Link, queue: Queue): Promise<void> {
  const { exchange, queue: named, binding } = resolveQueue(queue);
  await exists(link, (channel) =>
    channel.queueUnbind(named.name, exchange.name, binding.routingKey, { ...binding.arguments }),
  );
}

/** Deletes the queue and the exchange of that name, with the messages in it; absent is fine. Rejects AmqpRefused, AmqpAway. */
export async function deleteDirectQueue(link: Link, name: string): Promise<void> {
  await exists(link, (channel) => channel.queueDelete(name));
  await exists(link, (channel) => channel.exchangeDelete(name));
}

async function declareExchange(channel: AMQPChannel, { exchange }: ResolvedQueue): Promise<void> {
  if (!exchange.isDeclared) return;
  const { name, type, durable, autoDelete } = exchange;
  await channel.exchangeDeclare(name, type, { durable, autoDelete }, { ...exchange.arguments });
}

async function declareOnlyQueue(channel: AMQPChannel, { queue }: ResolvedQueue): Promise<void> {
  const { name, durable, autoDelete } = queue;
  await channel.queueDeclare(name, { durable, autoDelete, exclusive: false }, { ...queue.arguments });
}

const RESOURCE_LOCKED = 405;

async function refuseExisting(link: Link, { queue: { name } }: ResolvedQueue): Promise<void> {
  if (!(await exists(link, (channel) => channel.queueDeclare(name, { passive: true })))) return;
  throw new AmqpRefused(RESOURCE_LOCKED, `RESOURCE_LOCKED - queue '${name}' exists already and is not exclusive`);
}

/** Whether `work` found what it names. One channel each, since "not found" closes it. */
async function exists(link: Link, work: (channel: AMQPChannel) => Promise<unknown>): Promise<boolean> {
  try {
    await onChannel(link, work);
    return true;
  } catch (error) {
    if (error instanceof AmqpRefused && error.replyCode === 404) return false;
    throw error;
  }
}

async function onChannel(link: Link, work: (channel: AMQPChannel) => Promise<unknown>): Promise<void> {
  try {
    await link.withChannel(work);
  } catch (error) {
    // The client writes each command into memory of a fixed size.
    if (error instanceof RangeError) throw invalid("options", "arguments of less than 3000 bytes in all");
    throw error;
  }
}

/** Refuses numbers that Python's client could not send either: the worker would die of them. */
function argumentTable(name: string, table: ArgumentTable | undefined): ArgumentTable {
  refuseHugeNumbers(name, table);
  return table ?? {};
}
