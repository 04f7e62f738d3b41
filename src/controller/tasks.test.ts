import { describe, expect, spyOn, test } from "bun:test";
import { MaybeSent, Overloaded } from "../celery/task-broker.ts";
import type { UrlRequest } from "../domain/task.ts";
import { AmqpAway, AmqpRefused } from "../kit/amqp.ts";
import { silentLog } from "../kit/log.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { controllerOf, FakeTaskBroker, NOWAIT, PATIENT } from "./test-support.ts";

const ID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";
const REQUEST: UrlRequest = {
  method: "POST",
  url: "http://u:secret@m/x",
  headers: {},
  body: { content: "b", isBase64: false },
};
const OTHER: UrlRequest = { ...REQUEST, url: "http://m/y" };
const NAMED = { name: "shop.add", args: [1], kwargs: { b: 2 } };

function setup() {
  const branch = new TestBranch();
  branch.declare("orders");
  const broker = new FakeTaskBroker();
  const { tasks } = controllerOf(branch, branch.brokers, broker);
  return { branch, broker, tasks, [Symbol.asyncDispose]: () => branch[Symbol.asyncDispose]() };
}

describe("a URL task", () => {
  test("goes to the queue that is declared, with what the worker needs and no password in what is shown", async () => {
    await using at = setup();
    const { sent } = await at.tasks.sendUrl("shop", "orders", REQUEST, undefined, PATIENT);
    const [{ queue, message, deadlineMs } = { queue: null, message: null, deadlineMs: 0 }] = at.broker.sent;
    expect(queue).toEqual(at.branch.store.queues.get("shop", "orders") ?? null);
    expect(message).toMatchObject({
      id: sent.id,
      task: "cyme.tasks.webhook",
      args: [],
      kwargs: { url: REQUEST.url, method: "POST", headers: {}, body: "b", is_base64: false },
    });
    expect(message?.kwargsRepr).toBe("{'url': 'http://m/x', 'method': 'POST'}");
    expect(deadlineMs).toBe(at.branch.clock.now() + 10_000);
    expect(at.branch.store.tasks.get(sent.id)).toMatchObject({ state: "PENDING", sent });
  });

  test("goes to Celery's default queue where none is named, declared or not", async () => {
    await using at = setup();
    await at.tasks.sendUrl("shop", undefined, REQUEST, undefined, PATIENT);
    await at.tasks.sendUrl("shop", "celery", REQUEST, undefined, PATIENT);
    at.branch.declare("celery");
    at.branch.store.queues.put({
      ...at.branch.store.queues.all("shop")[0],
      name: "celery",
      routingKey: "own",
    } as never);
    await at.tasks.sendUrl("shop", undefined, REQUEST, undefined, PATIENT);
    expect(at.broker.sent.map(({ queue }) => [queue.name, queue.exchange, queue.routingKey])).toEqual([
      ["celery", "celery", "celery"],
      ["celery", "celery", "celery"],
      ["celery", expect.any(String), "own"],
    ]);
  });

  test("needs an app and a queue that are there", async () => {
    await using at = setup();
    await expect(at.tasks.sendUrl("none", "orders", REQUEST, undefined, PATIENT)).rejects.toThrow(
      'Cannot find app "none"',
    );
    await expect(at.tasks.sendUrl("shop", "none", REQUEST, undefined, PATIENT)).rejects.toThrow(
      'Cannot find queue "none"',
    );
    expect(at.broker.sent).toEqual([]);
  });

  test.each<[Error, string, object]>([
    [new AmqpAway("it is switched off"), "unavailable", { stored: false, uuid: ID, retry_after: 5 }],
    [new Overloaded(10_000), "unavailable", { stored: false, uuid: ID, retry_after: 5 }],
    [new AmqpRefused(312, "NO_ROUTE"), "conflict", { uuid: ID, broker_says: "NO_ROUTE" }],
  ])("that is not taken (%s) is %s, and not kept as sent", async (error, code, facts) => {
    await using at = setup();
    at.broker.outcome = () => Promise.reject(error);
    await expect(at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT)).rejects.toMatchObject({ code, facts });
    expect(at.branch.store.tasks.get(ID)).toBeUndefined();
  });

  test("that the broker has taken is sent, though it cannot be written down", async () => {
    await using at = setup();
    at.branch.store.write = () => {
      throw new Error("disk full");
    };
    const { sent } = await at.tasks.sendUrl("shop", "orders", REQUEST, undefined, PATIENT);
    expect(at.broker.sent.map(({ message }) => message.id)).toEqual([sent.id]);
  });

  test("is told of once for each outage where it cannot be written down", async () => {
    await using at = setup();
    using told = spyOn(silentLog, "error");
    const { write } = at.branch.store;
    const send = () => at.tasks.sendUrl("shop", "orders", REQUEST, undefined, PATIENT);
    const outage = async () => {
      at.branch.store.write = () => {
        throw new Error("disk full");
      };
      await send();
      await send();
      at.branch.store.write = write;
      await send();
    };
    await outage();
    expect(told).toHaveBeenCalledTimes(1);
    await outage();
    expect(told).toHaveBeenCalledTimes(2);
  });
});

describe("a send that is repeated under its id", () => {
  test("is one task, while it is on its way and afterwards", async () => {
    await using at = setup();
    const taken = Promise.withResolvers<void>();
    at.broker.outcome = () => taken.promise;
    const first = at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    const second = at.tasks.sendUrl("shop", "orders", REQUEST, ID.toUpperCase(), PATIENT);
    taken.resolve();
    const third = await first.then(() => at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT));
    expect((await Promise.all([first, second])).map(({ sent }) => sent)).toEqual([third.sent, third.sent]);
    expect(at.broker.sent).toHaveLength(1);
  });

  test("is tried anew where the first one failed", async () => {
    await using at = setup();
    at.broker.outcome = () => Promise.reject(new AmqpAway("gone"));
    await expect(at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT)).rejects.toThrow("gone");
    at.broker.outcome = () => Promise.resolve();
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    expect(at.broker.sent.map(({ message }) => message.id)).toEqual([ID, ID]);
  });

  test("is refused where it is another one, or the id is none", async () => {
    await using at = setup();
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    await expect(at.tasks.sendUrl("shop", "orders", OTHER, ID, PATIENT)).rejects.toMatchObject({ code: "conflict" });
    await expect(at.tasks.sendUrl("shop", "orders", REQUEST, "1", PATIENT)).rejects.toThrow("wanted a UUID");
    expect(at.broker.sent).toHaveLength(1);
  });

  test("holds for tasks of the app's own too, whatever moment their expiry comes to", async () => {
    await using at = setup();
    const request = { ...NAMED, expires: 60 };
    await at.tasks.sendNamed("shop", "orders", request, ID, PATIENT);
    const [{ message } = { message: null }] = at.broker.sent;
    expect(message?.expires).toBe(new Date(at.branch.clock.now() + 60_000).toISOString().replace("Z", "000+00:00"));
    await at.branch.clock.advance(5000);
    await at.tasks.sendNamed("shop", "orders", request, ID, PATIENT);
    expect(at.broker.sent).toHaveLength(1);
  });
});

describe("a send that the broker may have taken", () => {
  test("says so, and is the same when it is sent again, while another one under its id is refused", async () => {
    await using at = setup();
    at.broker.outcome = () => Promise.reject(new MaybeSent("it froze"));
    await expect(at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT)).rejects.toMatchObject({
      code: "unavailable",
      facts: { uuid: ID, maybe_sent: true },
    });
    await expect(at.tasks.sendUrl("shop", "orders", OTHER, ID, PATIENT)).rejects.toMatchObject({ code: "conflict" });
    at.broker.outcome = () => Promise.resolve();
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    expect(at.broker.sent).toHaveLength(2);
  });

  test("is written down when it turns out that it was taken, and not sent again", async () => {
    await using at = setup();
    at.broker.outcome = () => Promise.reject(new MaybeSent("it froze"));
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT).catch(() => {});
    at.tasks.takenLate(ID);
    at.tasks.takenLate("of nobody");
    await at.branch.clock.advance(0);
    expect(at.branch.store.tasks.get(ID)?.sent).toMatchObject({ id: ID, url: REQUEST.url });
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    expect(at.broker.sent).toHaveLength(1);
  });
});

describe("a send that cannot be written down", () => {
  test("is known all the same, and written down when there is room again", async () => {
    await using at = setup();
    const { write } = at.branch.store;
    at.branch.store.write = () => {
      throw new Error("disk full");
    };
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    await at.tasks.sendUrl("shop", "orders", REQUEST, ID, PATIENT);
    await expect(at.tasks.sendUrl("shop", "orders", OTHER, ID, PATIENT)).rejects.toMatchObject({ code: "conflict" });
    expect(at.broker.sent).toHaveLength(1);
    await at.branch.clock.advance(2000);
    at.branch.store.write = write;
    await at.branch.clock.advance(2000);
    expect(at.branch.store.tasks.get(ID)?.sent).toMatchObject({ id: ID, url: REQUEST.url });
  });
});

describe("a send that nobody waits for", () => {
  test("is answered at once, goes on for ten minutes, and is waited for at the end", async () => {
    await using at = setup();
    const taken = Promise.withResolvers<void>();
    at.broker.outcome = () => taken.promise;
    const { sent } = await at.tasks.sendUrl("shop", "orders", REQUEST, undefined, NOWAIT);
    expect(at.broker.sent[0]?.deadlineMs).toBe(at.branch.clock.now() + 600_000);
    let isFinished = false;
    const finished = at.tasks.finish().then(() => (isFinished = true));
    await Promise.resolve();
    expect(isFinished).toBe(false);
    taken.resolve();
    await finished;
    expect(at.branch.store.tasks.get(sent.id)?.state).toBe("PENDING");
  });

  test("does not trouble anybody when it fails, but is refused at once where it is wrong", async () => {
    await using at = setup();
    const gone = Promise.withResolvers<void>();
    at.broker.outcome = () => gone.promise;
    const { sent } = await at.tasks.sendUrl("shop", "orders", REQUEST, undefined, NOWAIT);
    gone.reject(new AmqpAway("gone"));
    expect(await at.tasks.finish()).toMatchObject([{ code: "unavailable", facts: { uuid: sent.id } }]);
    at.broker.outcome = () => Promise.reject(new Overloaded(10_000));
    await expect(at.tasks.sendUrl("shop", "orders", REQUEST, undefined, NOWAIT)).rejects.toThrow("Too much");
    await expect(at.tasks.sendUrl("shop", "none", REQUEST, undefined, NOWAIT)).rejects.toThrow("Cannot find queue");
  });
});

describe("asking for a task", () => {
  test("one that nobody knows is unknown; it needs an app that is there, and an id", async () => {
    await using at = setup();
    expect(await at.tasks.get("shop", ID)).toEqual({ id: ID, task: undefined, resultBackend: undefined });
    await expect(at.tasks.get("none", ID)).rejects.toThrow("Cannot find app");
    await expect(at.tasks.get("shop", "x")).rejects.toThrow("wanted a UUID");
    await expect(at.tasks.wait("shop", "x", PATIENT, AbortSignal.timeout(1000))).rejects.toThrow("wanted a UUID");
  });

  test("waiting ends with `timeout` and its state after the caller's time", async () => {
    await using at = setup();
    const waiting = at.tasks.wait("shop", ID, PATIENT, new AbortController().signal);
    // Not by `rejects`, which would hold up the clock.
    const told = waiting.catch((error: unknown) => error);
    await at.branch.clock.advance(10_000);
    expect(await told).toMatchObject({ code: "timeout", facts: { uuid: ID, state: "PENDING" } });
  });
});
