import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AmqpControl } from "../../src/celery/control.ts";
import { addConsumerArguments, declareQueue } from "../../src/celery/topology.ts";
import type { Queue } from "../../src/domain/queue.ts";
import { systemClock } from "../../src/kit/clock.ts";
import type { Link } from "../../src/kit/amqp.ts";
import { silentLog } from "../../src/kit/log.ts";
import { celeries, inspect } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { answering, startWorker, type RealWorker } from "./worker.ts";

const BEYOND_32_BITS = 2 ** 31 + 1_000;
const PATIENT_MS = 20_000;

function queueOf(name: string, parts: Partial<Queue> = {}): Queue {
  const defaults = { exchange: name, exchangeType: "direct", routingKey: name, options: null };
  return { app: "test", name, createdAtMs: 0, ...defaults, ...parts };
}

describe.each(celeries())("remote control of Celery $version", (celery) => {
  let vhost: Vhost;
  let control: AmqpControl;
  let web: RealWorker;
  let mail: RealWorker;

  beforeAll(async () => {
    vhost = await freshVhost();
    const options = { url: vhost.url, label: "the test's broker", connectionName: "cyme test" };
    control = new AmqpControl({ ...options, clock: systemClock, log: silentLog });
    control.link.start();
    await control.link.whenUp(PATIENT_MS);
    [web, mail] = await Promise.all([startWorker(celery, vhost.url, "web"), startWorker(celery, vhost.url, "mail")]);
    await Promise.all([answering(control, web), answering(control, mail)]);
  }, 60_000);

  afterAll(async () => {
    await web[Symbol.asyncDispose]();
    await mail[Symbol.asyncDispose]();
    await control.link.stop(Date.now() + PATIENT_MS);
    await vhost.drop();
  }, 30_000);

  /** The answer of one worker to one question. */
  async function told(method: string, args: Record<string, unknown> = {}, worker = web): Promise<unknown> {
    const { replies, silent } = await control.ask(method, args, [worker.node], PATIENT_MS);
    expect(silent).toEqual([]);
    return replies.get(worker.node);
  }

  async function consumed(name: string): Promise<Record<string, unknown> | undefined> {
    const queues = (await told("active_queues")) as Record<string, unknown>[];
    return queues.find((queue) => queue["name"] === name);
  }

  test("one question reaches all nodes that it names", async () => {
    const { replies, silent } = await control.ask("ping", {}, [web.node, mail.node], PATIENT_MS);
    expect(silent).toEqual([]);
    expect(Object.fromEntries(replies)).toEqual({ [web.node]: { ok: "pong" }, [mail.node]: { ok: "pong" } });
  });

  test("a question reaches no other node", async () => {
    const heard: string[] = [];
    const stop = control.onReply((node) => heard.push(node));
    await told("ping", {}, mail);
    await told("ping", {}, mail);
    stop();
    expect(heard).toEqual([mail.node, mail.node]);
  });

  test("nodes that do not answer in time are silent, and the others have answered", async () => {
    const { replies, silent } = await control.ask("ping", {}, [web.node, "gone@test", "gone@test"], 300);
    expect([...replies.keys()]).toEqual([web.node]);
    expect(silent).toEqual(["gone@test"]);
  });

  test("a question may name a thousand nodes", async () => {
    const others = Array.from({ length: 1_000 }, (_, i) => `a-worker-with-a-long-name-${i}@test`);
    const { replies, silent } = await control.ask("ping", {}, [...others, web.node], 300);
    expect([[...replies.keys()], silent]).toEqual([[web.node], others]);
  });

  test("stats are those of the worker's process", async () => {
    expect(await told("stats")).toMatchObject({ pid: web.pid, autoscaler: { max: 3, min: 1 } });
  });

  test("autoscale changes the bounds", async () => {
    expect(await told("autoscale", { max: 5, min: 2 })).toEqual({ ok: "autoscale now max=5 min=2" });
    expect(await told("stats")).toMatchObject({ autoscaler: { max: 5, min: 2 } });
  });

  test("an error of the worker is its answer", async () => {
    expect(await told("no_such_method")).toEqual({ error: "KeyError('no_such_method')" });
  });

  test("infinity in an answer is null", async () => {
    expect(await told("conf", { with_defaults: true })).toHaveProperty("result_backend_max_retries", null);
  });

  const queues: Queue[] = [
    queueOf("plain"),
    queueOf("routed", { exchange: "routes", exchangeType: "topic", routingKey: "a.#" }),
    queueOf("bound", { exchange: "bounds", routingKey: "unused", options: { binding_key: "used" } }),
    queueOf("builtin", { exchange: "amq.topic", exchangeType: "topic", routingKey: "b.*" }),
    queueOf("passing", { options: { durable: false, auto_delete: true, exchange_durable: true } }),
    queueOf("lasting", { options: { durable: false, queue_durable: true, exchange_auto_delete: true } }),
    queueOf("urgent", { options: { queue_arguments: { "x-max-priority": 10, "x-message-ttl": 3_000_000_000 } } }),
    queueOf("sorted", {
      exchange: "sorts",
      exchangeType: "headers",
      options: {
        exchange_arguments: { "alternate-exchange": "amq.fanout" },
        binding_arguments: { "x-match": "all", size: 1.1, big: 5_000_000_000, fine: true },
        consumer_arguments: { "x-priority": 5 },
        no_ack: true,
        delivery_mode: 2,
      },
    }),
    queueOf("own", { options: { exclusive: true } }),
  ];

  test.each(queues)("a worker consumes queue $name which was declared before", async (queue) => {
    await declareQueue(control.link, queue);
    expect(await told("add_consumer", addConsumerArguments(queue))).toEqual({ ok: `add consumer ${queue.name}` });
    await until(() => consumed(queue.name), { what: `${queue.name} to be consumed` });
    expect(await told("cancel_consumer", { queue: queue.name })).toEqual({
      ok: `no longer consuming from ${queue.name}`,
    });
    await until(async () => (await consumed(queue.name)) === undefined, { what: `${queue.name} to be left` });
    expect(web.isAlive()).toBe(true);
  });

  test.each(queues.filter(({ name }) => !["passing", "own"].includes(name)))(
    "a queue $name which a worker declared is found equal",
    async ({ name, ...parts }) => {
      const queue = { ...parts, name: `${name}-first` };
      await told("add_consumer", addConsumerArguments(queue), mail);
      await until(
        async () => {
          const declared = (await told("active_queues", {}, mail)) as { name: string }[];
          return declared.some((one) => one.name === queue.name);
        },
        { what: `${queue.name} to be consumed` },
      );
      await declareQueue(control.link, queue);
      expect(mail.isAlive()).toBe(true);
    },
  );

  test("Celery's own inspect agrees about a queue", async () => {
    const queue = queueOf("agreed", { exchange: "agrees", exchangeType: "topic", routingKey: "x.#" });
    await declareQueue(control.link, queue);
    await told("add_consumer", addConsumerArguments(queue));
    await until(() => consumed("agreed"), { what: "agreed to be consumed" });
    const { [web.node]: seen } = await inspect(celery, vhost.url, "active_queues", { destination: [web.node] });
    expect(seen).toContainEqual(await consumed("agreed"));
  });

  test("a cast is done without an answer", async () => {
    const heard: string[] = [];
    const stop = control.onReply((node) => heard.push(node));
    await control.cast("autoscale", { max: 4, min: 1 }, [web.node]);
    let asked = 0;
    const isDone = async () => {
      asked++;
      return Bun.deepMatch({ autoscaler: { max: 4, min: 1 } }, await told("stats"));
    };
    await until(isDone, { what: "the new bounds" });
    stop();
    expect(heard).toHaveLength(asked);
  });

  test("a logical clock beyond 32 bits does not break the connection", async () => {
    const before = control.link.state;
    // The worker takes the clock over, and sends a greater one with every answer from now on.
    await control.link.withChannel(async (channel) => {
      await channel.confirmSelect();
      const properties = { contentType: "application/json", headers: { clock: BEYOND_32_BITS } };
      await channel.basicPublish("celery.pidbox", "", JSON.stringify({ method: "ping" }), properties);
    });
    const clock = () => answeredClock(control.link, web.node);
    await until(async () => (await clock()) > BEYOND_32_BITS, { what: "the worker to send the clock" });
    await told("ping");
    expect(control.link.state).toBe(before);
  });
});

/** The logical clock that a worker sends with an answer. */
function answeredClock(link: Link, node: string): Promise<number> {
  return link.withChannel(async (channel) => {
    const { name } = await channel.queueDeclare("", { exclusive: true });
    const request = { method: "ping", destination: [node], reply_to: { exchange: "", routing_key: name }, ticket: "t" };
    await channel.basicPublish("celery.pidbox", "", JSON.stringify(request), { contentType: "application/json" });
    const answer = await until(() => channel.basicGet(name, { noAck: true }), { what: `an answer of ${node}` });
    return Number(answer.properties.headers?.["clock"]);
  });
}
