import { AMQPClient, type AMQPChannel } from "@cloudamqp/amqp-client";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Overloaded, type TaskBroker } from "../../src/celery/task-broker.ts";
import { TaskBrokers } from "../../src/celery/task-brokers.ts";
import type { TaskMessage } from "../../src/celery/task-message.ts";
import type { TaskReport } from "../../src/celery/task-results.ts";
import { parseBrokerUrl } from "../../src/domain/broker.ts";
import { unavailable } from "../../src/domain/errors.ts";
import type { Queue } from "../../src/domain/queue.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { celeries } from "../harness/celery.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { reasonOf } from "./away.ts";
import { recordingLog } from "./recording-log.ts";

const PATIENT_MS = 60_000;
const RESULTS = "cyme.results.test";
const MAX_MESSAGE_BYTES = 1_000_000;

let rabbit: Rabbit;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(async () => {
  await rabbit[Symbol.asyncDispose]();
}, 60_000);

type OnReports = (reports: readonly TaskReport[]) => void;

/** A virtual host of its own, and a task broker for it. */
async function setup(onReports: OnReports = () => {}) {
  const vhost = `t${crypto.randomUUID().slice(0, 8)}`;
  const url = await rabbit.addUser(vhost, "secret", vhost);
  return { vhost, url, ...(await connect(url, onReports)) };
}

async function connect(url: string, onReports: OnReports, formerQueues: () => readonly string[] = () => []) {
  const lines: string[] = [];
  const options = { clock: systemClock, log: recordingLog(lines), connectionName: "cyme test", resultQueue: RESULTS };
  const brokers = new TaskBrokers({ ...options, formerQueues, onReports, onTakenLate: () => {} });
  const broker = brokers.use(parseBrokerUrl("broker", url));
  const stop = () => brokers.stop(Date.now() + 5_000);
  return { broker, lines, stop, [Symbol.asyncDispose]: stop };
}

/** Somebody else's connection to the same virtual host. */
async function asOther<T>(url: string, work: (channel: AMQPChannel) => Promise<T>): Promise<T> {
  const client = new AMQPClient(url);
  const connection = await client.connect();
  try {
    return await work(await connection.channel());
  } finally {
    await connection.close();
  }
}

const queueOf = (name: string, parts: Partial<Queue> = {}): Queue => ({
  app: "a",
  name,
  exchange: name,
  exchangeType: "direct",
  routingKey: name,
  options: null,
  createdAtMs: 0,
  ...parts,
});

function messageOf(text = ""): TaskMessage {
  return { id: crypto.randomUUID(), task: "t", args: [text], kwargs: {}, argsRepr: "()", kwargsRepr: "{}" };
}

const send = (broker: TaskBroker, queue: Queue, message = messageOf(), forMs = PATIENT_MS) =>
  broker.send(queue, message, Date.now() + forMs);

/** Sends many at once; gives the ids of those that were taken, in a set that grows. */
function sendMany(broker: TaskBroker, queue: Queue, count: number) {
  const taken = new Set<string>();
  const all = Array.from({ length: count }, async () => {
    const message = messageOf("x".repeat(200));
    await send(broker, queue, message);
    taken.add(message.id);
  });
  return { taken, done: Promise.all(all) };
}

/** The ids of the messages in a queue, which is empty afterwards; each as often as it is there. */
const drain = (url: string, queue: string) =>
  asOther(url, async (channel) => {
    const ids: string[] = [];
    for (;;) {
      const message = await channel.basicGet(queue);
      if (!message) return ids;
      ids.push(String(message.properties.correlationId));
    }
  });

const refusal = (sent: Promise<unknown>) =>
  sent.then(
    () => "sent",
    (error: unknown) => error,
  );

const resultOf = (id: string) => JSON.stringify({ task_id: id, status: "SUCCESS", result: 1 });

/** As workers send results. */
const answer = (url: string, ...bodies: string[]) => answerOver(RESULTS, url, ...bodies);

const answerOver = (queue: string, url: string, ...bodies: string[]) =>
  asOther(url, async (channel) => {
    await channel.confirmSelect();
    for (const body of bodies) await channel.basicPublish("", queue, body, { contentType: "application/json" });
  });

const waitingIn = (url: string, queue: string) =>
  asOther(url, async (channel) => (await channel.queueDeclare(queue, { passive: true })).messageCount);

describe("5,000 sends at once", () => {
  test("are all in their queues, each once, durable", async () => {
    await using all = await setup();
    const queues = ["a", "b", "c"].map((name) => queueOf(name));
    const sent = queues.map((queue) => sendMany(all.broker, queue, 5_000 / queues.length));
    for (const { done } of sent) await done;
    for (const [i, { name }] of queues.entries()) {
      const ids = await drain(all.url, name);
      expect(ids.length).toBe(sent[i]?.taken.size ?? 0);
      expect(new Set(ids)).toEqual(sent[i]?.taken ?? new Set());
    }
  }, 60_000);

  const interruptions: [string, (taken: Set<string>) => Promise<void>][] = [
    ["is stopped and started", async () => (await rabbit.stop(), rabbit.start())],
    ["is killed and started", async () => (await rabbit.kill(), rabbit.start())],
    [
      "is short of memory for a while",
      async () => {
        await rabbit.setShortOfMemory(true);
        await rabbit.setShortOfMemory(false);
      },
    ],
    [
      "is frozen for a while",
      async (taken) => {
        rabbit.pause();
        try {
          let seen = -1;
          const standsStill = () => seen === (seen = taken.size);
          await until(standsStill, { what: "nothing to be taken any more", everyMs: 500 });
        } finally {
          rabbit.resume();
        }
      },
    ],
    ["closes all connections", async () => void (await rabbit.ctl("close_all_connections", "--global", "for a test"))],
  ];

  test.each(interruptions)(
    "while the broker %s are all in the queue",
    async (_, interrupt) => {
      await using all = await setup();
      const queue = queueOf("q");
      await send(all.broker, queue);
      await drain(all.url, "q");
      const { taken, done } = sendMany(all.broker, queue, 5_000);
      await until(() => taken.size > 500, { what: "the first to be taken", everyMs: 1 });
      const atFirst = taken.size;
      await interrupt(taken);
      await done;
      expect(atFirst).toBeLessThan(5_000);
      const ids = await drain(all.url, "q");
      expect(new Set(ids)).toEqual(taken);
      // Where no connection was lost, nothing was sent twice.
      if (!all.lines.some((line) => /CONNECTION_FORCED|closed|ECONN/.test(line))) expect(ids).toHaveLength(taken.size);
    },
    120_000,
  );

  test("a message that a broker short of memory did not take in time is not sent twice when it is asked for again", async () => {
    await using all = await setup();
    const message = messageOf();
    await send(all.broker, queueOf("q"));
    await rabbit.setShortOfMemory(true);
    try {
      const late = send(all.broker, queueOf("q"), message, 1_000);
      expect(await reasonOf(late)).toBe("it accepts no messages now: low on memory");
      const again = send(all.broker, queueOf("q"), message);
      await rabbit.setShortOfMemory(false);
      await again;
    } finally {
      await rabbit.setShortOfMemory(false);
    }
    expect((await drain(all.url, "q")).filter((id) => id === message.id)).toHaveLength(1);
  }, 30_000);
});

describe("what somebody deletes", () => {
  test("an exchange is declared again, and nothing is lost", async () => {
    await using all = await setup();
    const queue = queueOf("q");
    const other = queueOf("other");
    await Promise.all([send(all.broker, queue), send(all.broker, other)]);
    await asOther(all.url, (channel) => channel.exchangeDelete("q"));
    const sent = [sendMany(all.broker, queue, 500), sendMany(all.broker, other, 500)];
    for (const { done } of sent) await done;
    expect(await waitingIn(all.url, "q")).toBe(501);
    expect(new Set(await drain(all.url, "other")).size).toBe(501);
    expect(all.lines.join()).not.toContain("cannot be used");
  }, 60_000);

  test("a queue is declared again", async () => {
    await using all = await setup();
    const queue = queueOf("q");
    await send(all.broker, queue);
    await asOther(all.url, (channel) => channel.queueDelete("q"));
    const { taken, done } = sendMany(all.broker, queue, 500);
    await done;
    expect(new Set(await drain(all.url, "q"))).toEqual(taken);
  }, 60_000);
});

describe("what the broker does not take", () => {
  test("a message for a full queue, until there is room; the reason names the queue", async () => {
    await using all = await setup();
    const options = { queue_arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } };
    const full = queueOf("full", { options });
    await send(all.broker, full);
    expect(await reasonOf(send(all.broker, full, messageOf(), 1_500))).toContain('no message for queue "full" now');
    const later = send(all.broker, full);
    await send(all.broker, queueOf("other"));
    await drain(all.url, "full");
    await later;
  }, 30_000);

  test("a message that is too large for it; the others are sent", async () => {
    // Heeded by channels that are opened from now on, until the broker starts again.
    const before = await rabbit.evaluate("rabbit_misc:get_env(rabbit, max_message_size, 0)");
    await rabbit.evaluate(`application:set_env(rabbit, max_message_size, ${MAX_MESSAGE_BYTES})`);
    await using all = await setup();
    const queue = queueOf("q");
    await send(all.broker, queue);
    await rabbit.evaluate(`application:set_env(rabbit, max_message_size, ${before})`);
    const { taken, done } = sendMany(all.broker, queue, 300);
    const large = refusal(send(all.broker, queue, messageOf("x".repeat(MAX_MESSAGE_BYTES + 1))));
    const more = sendMany(all.broker, queue, 300);
    expect(await large).toMatchObject({ replyCode: 406, replyText: expect.stringContaining("message size") });
    await Promise.all([done, more.done]);
    expect(new Set(await drain(all.url, "q")).size).toBe(1 + taken.size + more.taken.size);
    expect(all.lines.join()).not.toContain("cannot be used");
  }, 60_000);

  test("a queue that is there and differs", async () => {
    await using all = await setup();
    await asOther(all.url, (channel) => channel.queueDeclare("q", { durable: true }, { "x-max-length": 5 }));
    const error = await refusal(send(all.broker, queueOf("q")));
    expect(error).toMatchObject({ replyCode: 406, replyText: expect.stringContaining("x-max-length") });
  }, 30_000);

  test("a message to an exchange that has no way for its key", async () => {
    await using all = await setup();
    const queue = queueOf("q", { exchangeType: "topic", routingKey: "a", options: { binding_key: "b.*" } });
    expect(await refusal(send(all.broker, queue))).toMatchObject({ replyCode: 312, replyText: "NO_ROUTE" });
  }, 30_000);

  test("a message to an exchange of the broker's that is not there", async () => {
    await using all = await setup();
    const error = await refusal(send(all.broker, queueOf("q", { exchange: "amq.nowhere" })));
    expect(error).toMatchObject({ replyCode: 404 });
    await send(all.broker, queueOf("other"));
  }, 30_000);

  test("a login: told at once, without the password", async () => {
    await using all = await setup();
    await until(() => all.broker.link.state.is === "up", { what: "the link to be up" });
    await using other = await connect(all.url.replace(":secret@", ":wrong-secret@"), () => {});
    const error = await refusal(send(other.broker, queueOf("q")));
    expect(error).toMatchObject({ name: "AmqpAway", refused: true });
    expect(String(error) + other.lines.join()).not.toContain("wrong-secret");
  }, 30_000);
});

describe("every kind of exchange", () => {
  const kinds: [string, Partial<Queue>][] = [
    ["fanout", { exchangeType: "fanout" }],
    ["topic", { exchangeType: "topic", routingKey: "a.b", options: { binding_key: "a.*" } }],
    [
      "headers",
      {
        exchangeType: "headers",
        options: { binding_arguments: { "x-match": "all", kind: "import", size: 3, isLarge: true } },
      },
    ],
    ["the broker's own", { exchange: "amq.direct" }],
  ];

  test.each(kinds)(
    "%s reaches its queue",
    async (_, parts) => {
      await using all = await setup();
      await send(all.broker, queueOf("q", parts));
      expect(await drain(all.url, "q")).toHaveLength(1);
    },
    30_000,
  );
});

describe("large and many", () => {
  test("a message of 14 MB arrives as it was", async () => {
    await using all = await setup();
    const text = "x".repeat(14 * 2 ** 20);
    await send(all.broker, queueOf("q"), messageOf(text));
    const body = await asOther(all.url, async (channel) => (await channel.basicGet("q"))?.bodyString());
    const [[arrived]] = JSON.parse(body ?? "") as [[string]];
    expect(arrived === text).toBe(true);
  }, 60_000);

  test("10,000 messages of 1 KB that wait cost some tens of MB, and one more is refused", async () => {
    await using all = await connect("amqp://guest:guest@127.0.0.1:1//", () => {});
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    const text = "x".repeat(1024);
    const held = Array.from({ length: 10_000 }, () => refusal(send(all.broker, queueOf("q"), messageOf(text))));
    expect(await refusal(send(all.broker, queueOf("q")))).toBeInstanceOf(Overloaded);
    Bun.gc(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(60 * 2 ** 20);
    await all.stop();
    expect(await held[9_999]).toMatchObject({ name: "AmqpAway" });
  }, 30_000);
});

describe("results", () => {
  const heardIn =
    (reports: TaskReport[]): OnReports =>
    (batch) =>
      void reports.push(...batch);

  test("are given as they arrive, and are on the broker no more", async () => {
    const reports: TaskReport[] = [];
    await using all = await setup(heardIn(reports));
    await all.broker.link.whenUp(PATIENT_MS);
    await answer(all.url, resultOf("1"), "no result", resultOf("2"));
    await until(() => reports.length === 2, { what: "both results" });
    expect(reports.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(all.lines.join()).toContain("a result cannot be read");
    await all.stop();
    expect(await waitingIn(all.url, RESULTS)).toBe(0);
  }, 30_000);

  test("that came while nobody was there are given when somebody is, before caughtUp() resolves", async () => {
    const first = await setup();
    await first.broker.link.whenUp(PATIENT_MS);
    await first.stop();
    await answer(first.url, ...Array.from({ length: 1_000 }, (_, i) => resultOf(String(i))));
    const reports: TaskReport[] = [];
    await using second = await connect(first.url, heardIn(reports));
    await second.broker.caughtUp(PATIENT_MS);
    expect(reports).toHaveLength(1_000);
  }, 60_000);

  test("of tasks that were sent under another id are given too, until somebody else has that id", async () => {
    const former = "cyme.results.before";
    const before = await setup();
    await before.broker.link.whenUp(PATIENT_MS);
    await before.stop();
    await asOther(before.url, (channel) => channel.queueDeclare(former, {}, { "x-expires": 7 * 24 * 3_600_000 }));
    await answerOver(former, before.url, resultOf("1"));
    await answer(before.url, resultOf("2"));
    const reports: TaskReport[] = [];
    const ours = new Set([former]);
    await using all = await connect(before.url, heardIn(reports), () => [...ours]);
    await all.broker.caughtUp(PATIENT_MS);
    expect(reports.map(({ id }) => id).toSorted()).toEqual(["1", "2"]);
    ours.clear();
    await answerOver(former, before.url, resultOf("3"), resultOf("4"));
    await until(async () => (await waitingIn(before.url, former)) === 2, { what: "both given back" });
    await answer(before.url, resultOf("5"));
    await until(() => reports.length === 3, { what: "what came over the queue of this id" });
    await all.stop();
    expect(reports.at(-1)?.id).toBe("5");
    expect([await waitingIn(before.url, RESULTS), await waitingIn(before.url, former)]).toEqual([0, 2]);
  }, 60_000);

  test("caughtUp() does not wait for a broker that is away", async () => {
    await using all = await connect("amqp://guest:guest@127.0.0.1:1//", () => {});
    await all.broker.caughtUp(PATIENT_MS);
    expect(all.broker.link.state.is).toBe("away");
  }, 10_000);

  test("that cannot be stored are given again, and acknowledged only once they are stored", async () => {
    let failures = 0;
    const reports: TaskReport[] = [];
    await using all = await setup((batch) => {
      if (failures++ < 1) throw unavailable("the disk is full");
      reports.push(...batch);
    });
    await all.broker.link.whenUp(PATIENT_MS);
    await answer(all.url, resultOf("1"), resultOf("2"));
    await until(() => failures === 1, { what: "the first try" });
    expect(reports).toEqual([]);
    await until(() => reports.length === 2, { what: "another try" });
    expect(all.lines.filter((line) => line.includes("cannot be stored"))).toHaveLength(1);
  }, 30_000);

  test("that were never stored are still on the broker after a stop", async () => {
    await using all = await setup(() => {
      throw unavailable("the disk is full");
    });
    await all.broker.link.whenUp(PATIENT_MS);
    await answer(all.url, resultOf("1"));
    await until(() => all.lines.some((line) => line.includes("cannot be stored")), { what: "a try" });
    await all.stop();
    expect(await waitingIn(all.url, RESULTS)).toBe(1);
  }, 30_000);

  test("come over a queue that is made again when somebody deletes it", async () => {
    const reports: TaskReport[] = [];
    await using all = await setup(heardIn(reports));
    await all.broker.link.whenUp(PATIENT_MS);
    const states: string[] = [];
    all.broker.link.onState(({ is }) => states.push(is));
    await asOther(all.url, (channel) => channel.queueDelete(RESULTS));
    await until(() => states.includes("up"), { what: "a new connection", timeoutMs: 20_000 });
    await answer(all.url, resultOf("1"));
    await until(() => reports.length === 1, { what: "the result" });
  }, 30_000);

  test("still come after the broker was killed", async () => {
    const reports: TaskReport[] = [];
    await using all = await setup(heardIn(reports));
    await all.broker.link.whenUp(PATIENT_MS);
    await rabbit.kill();
    await rabbit.start();
    await until(() => all.broker.link.state.is === "up", { what: "the link to be up", timeoutMs: 30_000 });
    await answer(all.url, resultOf("1"));
    await until(() => reports.length === 1, { what: "the result" });
  }, 60_000);
});

describe.each(celeries().map((celery) => [celery.name, celery] as const))("a worker of Celery %s", (_, celery) => {
  test("performs what was sent and answers in every way", async () => {
    const reports: TaskReport[] = [];
    await using all = await setup((batch) => void reports.push(...batch));
    const worker = Bun.spawn(
      [celery.python, "-m", "celery", "-b", all.url, "--result-backend", "rpc://", "worker", "-Q", "q", "-P", "solo"],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    try {
      const task = (name: string, parts: Partial<TaskMessage> = {}) => ({ ...messageOf(), task: name, ...parts });
      const good = task("celery.accumulate", { args: ["é😀", 2], headers: { tenant: "a" }, priority: 3 });
      const unknown = task("no.such");
      const expired = task("celery.accumulate", { expires: "2020-01-01T00:00:00+00:00" });
      for (const message of [good, unknown, expired]) await send(all.broker, queueOf("q"), message);
      const heardOf = (message: TaskMessage) =>
        until(() => reports.find(({ id }) => id === message.id), { what: message.task, timeoutMs: 30_000 });
      expect(await heardOf(good)).toMatchObject({ state: "SUCCESS", result: ["é😀", 2] });
      expect(await heardOf(unknown)).toMatchObject({ state: "FAILURE", error: { type: "NotRegistered" } });
      expect(await heardOf(expired)).toMatchObject({
        state: "REVOKED",
        error: { type: "TaskRevokedError", message: "expired" },
      });
    } finally {
      worker.kill("SIGKILL");
      await worker.exited;
    }
  }, 60_000);
});

describe("a stop", () => {
  test("gives those that wait until its deadline", async () => {
    const all = await connect("amqp://guest:guest@127.0.0.1:1//", () => {});
    const reason = reasonOf(send(all.broker, queueOf("q")));
    await all.stop();
    expect(await reason).toBe("the connection was stopped");
  }, 20_000);

  test("lets what is on its way arrive", async () => {
    await using all = await setup();
    const { taken, done } = sendMany(all.broker, queueOf("q"), 1_000);
    await all.stop();
    await done;
    expect(new Set(await drain(all.url, "q"))).toEqual(taken);
  }, 30_000);
});
