import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { declareQueue, deleteDirectQueue, probeQueue, rebindQueue, unbindQueue } from "../../src/celery/topology.ts";
import { CymeError } from "../../src/domain/errors.ts";
import type { Queue } from "../../src/domain/queue.ts";
import { AmqpLink, AmqpRefused, type AMQPChannel, type Link } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";

const PATIENT_MS = 20_000;

let vhost: Vhost;
let link: AmqpLink;
/** Another connection, as a worker's. */
let other: AmqpLink;

beforeAll(async () => {
  vhost = await freshVhost();
  const options = { url: vhost.url, label: "the test's broker", connectionName: "cyme test" };
  link = new AmqpLink({ ...options, clock: systemClock, log: silentLog });
  other = new AmqpLink({ ...options, clock: systemClock, log: silentLog });
  link.start();
  other.start();
  await Promise.all([link.whenUp(PATIENT_MS), other.whenUp(PATIENT_MS)]);
}, 60_000);

afterAll(async () => {
  await Promise.all([link.stop(Date.now() + PATIENT_MS), other.stop(Date.now() + PATIENT_MS)]);
  await vhost.drop();
}, 30_000);

let made = 0;
/** A declaration of a queue and an exchange that are not there yet. */
function newQueue(parts: Partial<Queue> = {}): Queue {
  const name = `q${++made}`;
  const defaults = { exchange: name, exchangeType: "direct", routingKey: name, options: null };
  return { app: "test", name, createdAtMs: 0, ...defaults, ...parts };
}

/** The broker's reply code to `work`; undefined where it agrees. */
async function refusal(work: Promise<unknown>): Promise<number | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof AmqpRefused) return error.replyCode;
    throw error;
  }
}

const queueExists = async ({ name }: Queue) =>
  (await refusal(other.withChannel((channel) => channel.queueDeclare(name, { passive: true })))) !== 404;
const exchangeExists = async ({ exchange }: Queue) =>
  (await refusal(other.withChannel((channel) => channel.exchangeDeclare(exchange, "direct", { passive: true })))) !==
  404;

/** How many messages stand in the queue after one was sent to its exchange. */
async function reached(
  queue: Queue,
  routingKey = queue.routingKey,
  headers: Record<string, string> = {},
): Promise<number> {
  return link.withChannel(async (channel) => {
    await channel.confirmSelect();
    await channel.basicPublish(queue.exchange, routingKey, "x", { headers });
    return (await channel.queueDeclare(queue.name, { passive: true })).messageCount;
  });
}

describe("declareQueue()", () => {
  test("makes queue, exchange and binding, so that a message arrives", async () => {
    const queue = newQueue({ exchangeType: "topic", routingKey: "a.*" });
    await declareQueue(link, queue);
    expect(await reached(queue, "a.b")).toBe(1);
  });

  test("does nothing when all is as it should be", async () => {
    const queue = newQueue({ options: { durable: false, queue_arguments: { "x-max-priority": 3 } } });
    await declareQueue(link, queue);
    await declareQueue(other, queue);
    expect(await reached(queue)).toBe(1);
  });

  test.each<[string, Partial<Queue>]>([
    ["the queue has other arguments", { options: { queue_arguments: { "x-max-priority": 3 } } }],
    ["the queue is not durable", { options: { queue_durable: false } }],
    ["the exchange has another type", { exchangeType: "topic" }],
    ["the exchange is not durable", { options: { exchange_durable: false } }],
  ])("is refused with 406 where %s", async (_, parts) => {
    const queue = newQueue();
    await declareQueue(link, queue);
    expect(await refusal(declareQueue(link, { ...queue, ...parts }))).toBe(406);
  });

  test("tells the broker's own words", async () => {
    const queue = newQueue();
    await declareQueue(link, queue);
    const changed = { ...queue, options: { queue_durable: false } };
    await expect(declareQueue(link, changed)).rejects.toThrow(`inequivalent arg 'durable' for queue '${queue.name}'`);
  });

  test("is refused where the broker does not know the exchange's type, and the link comes back", async () => {
    expect(await refusal(declareQueue(link, newQueue({ exchangeType: "x-unheard-of" })))).toBe(503);
    await link.whenUp(PATIENT_MS);
  });

  test("is refused for an exchange of the broker that there is not", async () => {
    expect(await refusal(declareQueue(link, newQueue({ exchange: "amq.nothing" })))).toBe(404);
  });

  test("is refused for arguments that the broker does not take", async () => {
    const options = { queue_arguments: { "x-max-priority": "high" } };
    expect(await refusal(declareQueue(link, newQueue({ options })))).toBe(406);
  });

  test("is invalid with arguments that are too large", async () => {
    const options = { queue_arguments: { note: "x".repeat(5_000) } };
    await expect(declareQueue(link, newQueue({ options }))).rejects.toThrow(CymeError);
  });

  test("leaves an exclusive queue to the worker", async () => {
    const queue = newQueue({ options: { exclusive: true } });
    await declareQueue(link, queue);
    expect([await exchangeExists(queue), await queueExists(queue)]).toEqual([true, false]);
  });

  test("is refused with 405 while another connection holds an exclusive queue", async () => {
    const queue = newQueue({ options: { exclusive: true } });
    await holding(queue, async () => expect(await refusal(declareQueue(link, queue))).toBe(405));
  });

  test("is refused with 405 for a queue that is to be exclusive and is not", async () => {
    const queue = newQueue();
    await declareQueue(link, queue);
    expect(await refusal(declareQueue(link, { ...queue, options: { exclusive: true } }))).toBe(405);
  });
});

describe("probeQueue()", () => {
  test.each([null, { exclusive: true }])("creates nothing, with options %j", async (options) => {
    const queue = newQueue({ options });
    await probeQueue(link, queue);
    expect([await exchangeExists(queue), await queueExists(queue)]).toEqual([false, false]);
  });

  test("agrees with what was declared", async () => {
    const queue = newQueue({ exchangeType: "fanout", options: { queue_arguments: { "x-max-length": 9 } } });
    await declareQueue(link, queue);
    expect(await refusal(probeQueue(link, queue))).toBeUndefined();
  });

  test("is refused where the queue differs", async () => {
    const queue = newQueue();
    await declareQueue(link, queue);
    const changed = { ...queue, exchange: "elsewhere", options: { queue_durable: false } };
    expect(await refusal(probeQueue(link, changed))).toBe(406);
  });

  test("is refused where the exchange differs", async () => {
    const queue = newQueue();
    await declareQueue(link, queue);
    expect(await refusal(probeQueue(link, newQueue({ exchange: queue.exchange, exchangeType: "topic" })))).toBe(406);
  });

  test("is refused for an exchange of the broker that there is not", async () => {
    expect(await refusal(probeQueue(link, newQueue({ exchange: "amq.nothing" })))).toBe(404);
    expect(await refusal(probeQueue(link, newQueue({ exchange: "amq.topic" })))).toBeUndefined();
  });

  test("is refused with 405 while another connection holds an exclusive queue", async () => {
    const queue = newQueue({ options: { exclusive: true } });
    await holding(queue, async () => expect(await refusal(probeQueue(link, queue))).toBe(405));
  });
});

describe("unbindQueue()", () => {
  test("takes the binding away and leaves the queue", async () => {
    const queue = newQueue({ options: { binding_key: "b", binding_arguments: { n: 1 } } });
    await declareQueue(link, queue);
    expect(await reached(queue, "b")).toBe(1);
    await unbindQueue(link, queue);
    expect(await reached(queue, "b")).toBe(1);
  });

  test("is content where there is none", async () => {
    expect(await refusal(unbindQueue(link, newQueue()))).toBeUndefined();
  });
});

describe("rebindQueue()", () => {
  test("moves a queue to the new binding and takes the old one away", async () => {
    const before = newQueue({ exchangeType: "topic", routingKey: "video" });
    const after = { ...before, routingKey: "audio.#" };
    await declareQueue(link, before);
    await rebindQueue(link, before, after);
    expect(await reached(after, "audio.cut")).toBe(1);
    expect(await reached(after, "video")).toBe(1);
  });

  test("makes the new binding before the old one goes, so that no message is without a way meanwhile", async () => {
    const before = newQueue();
    await declareQueue(link, before);
    const commands: string[] = [];
    await rebindQueue(recording(commands), before, { ...before, routingKey: "new" });
    expect(commands.filter((command) => /bind/i.test(command))).toEqual(["queueBind", "queueUnbind"]);
  });

  test("goes by the arguments of a binding too", async () => {
    const kind = (wanted: string) => ({ binding_arguments: { "x-match": "all", kind: wanted } });
    const before = newQueue({ exchangeType: "headers", options: kind("old") });
    const after = { ...before, options: kind("new") };
    await declareQueue(link, before);
    await rebindQueue(link, before, after);
    expect(await reached(after, "", { kind: "new" })).toBe(1);
    expect(await reached(after, "", { kind: "old" })).toBe(1);
  });

  test("makes nothing where the queue is not there", async () => {
    const before = newQueue();
    const after = { ...before, exchange: `${before.exchange}-new` };
    await rebindQueue(link, before, after);
    expect([await queueExists(after), await exchangeExists(after)]).toEqual([false, false]);
  });
});

describe("deleteDirectQueue()", () => {
  test("deletes queue and exchange, with the messages", async () => {
    const queue = newQueue();
    await declareQueue(link, queue);
    await reached(queue);
    await deleteDirectQueue(link, queue.name);
    expect([await exchangeExists(queue), await queueExists(queue)]).toEqual([false, false]);
  });

  test("is content where there is nothing", async () => {
    await deleteDirectQueue(link, newQueue().name);
    expect(link.state.is).toBe("up");
  });

  test("is refused with 405 while another connection holds the queue", async () => {
    const queue = newQueue();
    await holding(queue, async () => expect(await refusal(deleteDirectQueue(link, queue.name))).toBe(405));
  });
});

/** The link, noting the commands that are sent over it. */
function recording(commands: string[]): Link {
  const noting = (channel: AMQPChannel) =>
    new Proxy(channel, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          commands.push(String(key));
          return value.apply(target, args) as unknown;
        };
      },
    });
  return {
    state: link.state,
    onState: (listener) => link.onState(listener),
    whenUp: (timeoutMs) => link.whenUp(timeoutMs),
    withChannel: (work, timeoutMs) => link.withChannel((channel) => work(noting(channel)), timeoutMs),
  };
}

/** Runs `work` while another connection has declared the queue for itself. */
async function holding(queue: Queue, work: () => Promise<void>): Promise<void> {
  await other.withChannel(async (channel: AMQPChannel) => {
    await channel.queueDeclare(queue.name, { exclusive: true, durable: false, autoDelete: false });
    await work();
    await channel.queueDelete(queue.name);
  });
}
