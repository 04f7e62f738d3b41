import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AmqpLink, type AMQPChannel } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import type { Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startEcho, type Echo } from "../harness/targets.ts";
import { must } from "../lifecycle/work.ts";
import { ask, forEach, outcome, send, startShop, stateOf } from "./work.ts";

let vhost: Vhost;
let branch: Branch;
let echo: Echo;
/** Somebody else on the broker. */
let other: AmqpLink;

beforeAll(async () => {
  [vhost, echo] = await Promise.all([freshVhost(), startEcho()]);
  other = new AmqpLink({
    url: vhost.url,
    label: "the test's broker",
    connectionName: "cyme test",
    clock: systemClock,
    log: silentLog,
  });
  other.start();
  branch = await startShop({ broker: vhost.url });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await other.stop(Date.now() + 5_000);
  await Promise.all([echo.stop(), vhost.drop()]);
}, 60_000);

const declare = (name: string, declaration: object) =>
  must(branch, 201, "POST", `/shop/queues/${name}/`, { ...declaration });
const consume = (name: string) => must(branch, 201, "PUT", `/shop/instances/web/queues/${name}/`);
const sendTo = (name: string, what = "") =>
  send(branch, `${echo.url}/${name}${what}`, { place: `/shop/queue/${name}/` });
const asOther = <T>(work: (channel: AMQPChannel) => Promise<T>) => other.withChannel(work);
const status = async (uuid: string) => (await outcome(branch, uuid)).result?.status_code;

const KINDS: [name: string, declaration: object][] = [
  ["topic", { exchange: "by-topic", exchange_type: "topic", routing_key: "a.b", options: { binding_key: "a.*" } }],
  ["fanout", { exchange: "to-all", exchange_type: "fanout" }],
  [
    "headers",
    {
      exchange: "by-headers",
      exchange_type: "headers",
      options: { binding_arguments: { "x-match": "all", kind: "import", size: 3 } },
    },
  ],
  ["another-key", { exchange: "shared", routing_key: "some.other.key" }],
  ["priority", { options: { queue_arguments: { "x-max-priority": 9 } } }],
  ["transient", { options: { durable: false } }],
  ["brokers-own", { exchange: "amq.topic", exchange_type: "topic" }],
];

describe.each(KINDS)("a queue of the kind %s", (name, declaration) => {
  test("keeps tasks until somebody consumes it, and takes more", async () => {
    await declare(name, declaration);
    const before = await sendTo(name);
    expect(await stateOf(branch, before)).toBe("PENDING");
    await consume(name);
    expect(await status(before)).toBe(200);
    expect(await status(await sendTo(name))).toBe(200);
    expect(echo.requests.filter(({ target }) => target === `/${name}`)).toHaveLength(2);
  }, 30_000);
});

test("a worker that is told to consume an exclusive queue has it for itself, and gets its tasks", async () => {
  await declare("own", { options: { exclusive: true } });
  await consume("own");
  expect(await status(await sendTo("own"))).toBe(200);
}, 30_000);

test("an exclusive queue takes tasks while somebody has it, and before that the send is refused", async () => {
  await declare("exclusive", { options: { exclusive: true } });
  const early = await ask(branch, `${echo.url}/exclusive`, { place: "/shop/queue/exclusive/" });
  expect([early.status, early.text]).toEqual([409, expect.stringContaining("NO_ROUTE")]);
  await asOther(async (channel) => {
    await channel.queueDeclare("exclusive", { durable: true, exclusive: true, autoDelete: true });
    await channel.queueBind("exclusive", "exclusive", "exclusive");
  });
  const uuid = await sendTo("exclusive");
  const message = await asOther((channel) => channel.basicGet("exclusive"));
  expect(message?.properties.correlationId).toBe(uuid);
}, 30_000);

test("a queue that several are bound to with one key gets each task to each of them", async () => {
  await declare("left", { exchange: "twins", exchange_type: "fanout" });
  await declare("right", { exchange: "twins", exchange_type: "fanout" });
  await sendTo("right");
  const uuid = await sendTo("left");
  await consume("left");
  await consume("right");
  expect(await status(uuid)).toBe(200);
}, 30_000);

test("without a queue a task goes to `celery`, which needs no declaration", async () => {
  const first = await send(branch, `${echo.url}/default/1`, { place: "/shop/queue/" });
  const second = await send(branch, `${echo.url}/default/2`, { place: "/shop/queue/!/" });
  const third = await send(branch, `${echo.url}/default/3`, { place: "/shop/queue/celery/" });
  expect(await stateOf(branch, first)).toBe("PENDING");
  await declare("celery", {});
  await consume("celery");
  expect(await Promise.all([first, second, third].map(status))).toEqual([200, 200, 200]);
}, 30_000);

describe("somebody else deletes between two sends", () => {
  const deletions: [what: string, name: string, work: (channel: AMQPChannel) => Promise<unknown>][] = [
    ["the queue", "robbed", (channel) => channel.queueDelete("robbed")],
    ["the exchange", "bereft", (channel) => channel.exchangeDelete("bereft")],
    ["the binding", "unbound", (channel) => channel.queueUnbind("unbound", "unbound", "unbound")],
  ];

  test.each(deletions)(
    "%s, and what is sent then arrives",
    async (_, name, work) => {
      await declare(name, {});
      await sendTo(name, "/before");
      await asOther(work);
      const paths = Array.from({ length: 30 }, (__, at) => `/after/${at}`);
      const uuids = await forEach(paths, 30, (path) => sendTo(name, path));
      await consume(name);
      await forEach(uuids, 30, (uuid) => outcome(branch, uuid));
      const arrived = echo.requests
        .map(({ target }) => target)
        .filter((target) => target.startsWith(`/${name}/after/`));
      expect(new Set(arrived).size).toBe(30);
      expect(arrived).toHaveLength(30);
    },
    30_000,
  );

  test("the queue that a worker consumes, and the worker consumes what is sent then", async () => {
    await declare("stolen", {});
    await consume("stolen");
    expect(await status(await sendTo("stolen"))).toBe(200);
    await asOther((channel) => channel.queueDelete("stolen"));
    expect(await status(await sendTo("stolen"))).toBe(200);
  }, 60_000);
});
