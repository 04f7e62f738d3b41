import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Control } from "../../src/celery/control.ts";
import { Brokers } from "../../src/celery/brokers.ts";
import { parseBrokerUrl } from "../../src/domain/broker.ts";
import { AmqpAway } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { FakeBroker, FakeProcesses } from "../../src/supervisor/test-support.ts";
import { askWorkers } from "../../src/supervisor/observe.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { answering, startWorker } from "../celery/worker.ts";

const NODE = "web@test";
const QUEUE = "dq.web";
const ANSWER_MS = 20_000;

interface Opened extends AsyncDisposable {
  readonly control: Control;
  /** The broker goes, as far as this side can tell. */
  leave(): Promise<void> | void;
}

/** A worker that the fake makes up. */
async function openFake(): Promise<Opened> {
  const processes = new FakeProcesses();
  const argv = ["celery", `--hostname=${NODE}`, `--queues=${QUEUE}`, "--autoscale=3,1"];
  processes.spawn({ argv, cwd: "/", env: {}, logFile: "/dev/null", onExit() {} });
  const broker = new FakeBroker(parseBrokerUrl("broker", "amqp://127.0.0.1//"), systemClock, processes);
  return { control: broker, leave: () => broker.goAway(), async [Symbol.asyncDispose]() {} };
}

/** A real worker on a real broker. */
async function openReal(): Promise<Opened> {
  const vhost = await freshVhost();
  const worker = await startWorker(anyCelery(), vhost.url, "web");
  const brokers = new Brokers({ clock: systemClock, log: silentLog, connectionName: "contract" });
  const { control, link } = brokers.use(parseBrokerUrl("broker", vhost.url));
  await link.whenUp(ANSWER_MS);
  await answering(control, worker);
  return {
    control,
    leave: () => brokers.stop(systemClock.now() + ANSWER_MS),
    async [Symbol.asyncDispose]() {
      await brokers.stop(systemClock.now() + ANSWER_MS);
      await worker[Symbol.asyncDispose]();
      await vhost.drop();
    },
  };
}

// In this order: the last test takes the broker away.
describe.each([
  ["fake", openFake],
  ["Celery's", openReal],
] as const)("%s remote control", (_, open) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  const seen = async () => (await askWorkers(opened.control, [NODE], ANSWER_MS)).get(NODE);
  const tell = (method: string, args: Record<string, unknown>) => opened.control.ask(method, args, [NODE], ANSWER_MS);

  test("a worker says what it consumes from and how it scales", async () => {
    expect(await seen()).toEqual({
      queues: [QUEUE],
      bounds: { max: 3, min: 1 },
      pool: { processes: 1, tasks: 0 },
      begunTasks: 0,
    });
  });

  test("a worker that is told of a queue consumes from it, until it is told to stop", async () => {
    const args = { queue: "more", exchange: "more", exchange_type: "direct", routing_key: "more" };
    expect((await tell("add_consumer", args)).replies.get(NODE)).toMatchObject({ ok: expect.any(String) });
    await until(async () => (await seen())?.queues.includes("more"), { what: "it to consume" });
    expect((await tell("cancel_consumer", { queue: "more" })).replies.get(NODE)).toMatchObject({
      ok: expect.any(String),
    });
    await until(async () => (await seen())?.queues.includes("more") === false, { what: "it to stop consuming" });
  });

  test("a worker that is told of bounds has them", async () => {
    await tell("autoscale", { max: 2, min: 0 });
    await until(async () => (await seen())?.bounds?.max === 2, { what: "the new bounds" });
    expect((await seen())?.bounds).toEqual({ max: 2, min: 0 });
  });

  test("who does not answer is named, who does is heard by the listeners", async () => {
    const heard: string[] = [];
    const end = opened.control.onReply((node) => heard.push(node));
    const { replies, silent } = await opened.control.ask("stats", {}, ["gone@test", NODE], 300);
    end();
    expect([[...replies.keys()], silent, heard]).toEqual([[NODE], ["gone@test"], [NODE]]);
  });

  test("of many that are asked, those answer that are there, and nobody else is told of", async () => {
    const absent = Array.from({ length: 99 }, (_none, i) => `gone-${i}@test`);
    const { replies, silent } = await opened.control.ask("active_queues", {}, [...absent, NODE], 300);
    expect([[...replies.keys()], silent]).toEqual([[NODE], absent]);
    expect((await opened.control.ask("active_queues", {}, absent, 300)).replies.size).toBe(0);
  });

  test("without the broker a question is refused, not left unanswered", async () => {
    await opened.leave();
    const asked = opened.control.ask("stats", {}, [NODE], ANSWER_MS);
    expect(await asked.catch((error: unknown) => error)).toBeInstanceOf(AmqpAway);
  });
});
