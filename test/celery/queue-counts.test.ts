import { afterAll, beforeAll, expect, test } from "bun:test";
import { Brokers } from "../../src/celery/brokers.ts";
import { countQueues } from "../../src/celery/queue-counts.ts";
import { brokerUrl, parseBrokerUrl } from "../../src/domain/broker.ts";
import { AmqpAway, AmqpLink } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

const PATIENT_MS = 5000;

let vhost: Vhost;
let pipe: Pipe;
let brokers: Brokers;

beforeAll(async () => {
  vhost = await freshVhost();
  pipe = await openPipe(vhost.url);
  brokers = new Brokers({ clock: systemClock, log: silentLog, connectionName: "cyme test" });
}, 60_000);

afterAll(async () => {
  await brokers.stop(Date.now() + PATIENT_MS);
  await pipe.close();
  await vhost.drop();
}, 30_000);

const connection = () => brokers.use(parseBrokerUrl("broker", pipe.url));

test("messages and consumers of queues are counted, also behind one that is missing or another's alone", async () => {
  const { link } = connection();
  await link.whenUp(PATIENT_MS);
  const url = brokerUrl(parseBrokerUrl("broker", vhost.url));
  const options = { url, label: "the test's", connectionName: "cyme test", clock: systemClock, log: silentLog };
  const other = new AmqpLink({
    ...options,
    setup: async (channel) => {
      await channel.queueDeclare("busy");
      await channel.queueDeclare("full");
      await channel.queueDeclare("mine", { exclusive: true });
      await channel.basicConsume("busy", { noAck: true }, () => {});
      await channel.basicPublish("", "full", "one");
      await channel.basicPublish("", "full", "two");
    },
  });
  other.start();
  try {
    await other.whenUp(PATIENT_MS);
    const full = async () => (await countQueues(link, ["full"])).get("full")?.messages === 2;
    await until(full, { what: "two messages to wait" });
    expect(await countQueues(link, ["busy", "missing", "mine", "gone", "full"])).toEqual(
      new Map([
        ["busy", { messages: 0, consumers: 1 }],
        ["missing", { messages: 0, consumers: 0 }],
        ["gone", { messages: 0, consumers: 0 }],
        ["full", { messages: 2, consumers: 0 }],
      ]),
    );
    expect(await countQueues(link, [])).toEqual(new Map());
  } finally {
    await other.stop(Date.now() + PATIENT_MS);
  }
}, 30_000);

test("a message of ours comes back, but not over a connection that is half open, nor without one", async () => {
  const { control, link } = connection();
  await link.whenUp(PATIENT_MS);
  expect(await control.echo(PATIENT_MS)).toBe(true);
  pipe.pause();
  expect(await control.echo(200)).toBe(false);
  pipe.cut();
  await until(() => link.state.is === "away", { what: "the connection to be lost" });
  expect(await control.echo(PATIENT_MS)).toBe(false);
  const counted = countQueues(link, ["busy"]).catch((error: unknown) => error);
  expect(await counted).toBeInstanceOf(AmqpAway);
}, 30_000);
