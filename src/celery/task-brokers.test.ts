import { expect, test } from "bun:test";
import { parseBrokerUrl } from "../domain/broker.ts";
import { changedQueue } from "../domain/queue.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { TaskBrokers } from "./task-brokers.ts";

test("a connection that something is to be sent over is kept until that is done, or given up", async () => {
  const clock = new ManualClock();
  const options = {
    connectionName: "test",
    resultQueue: "results",
    formerQueues: () => [],
    onReports: () => {},
    onTakenLate: () => {},
  };
  await using brokers = Object.assign(new TaskBrokers({ clock, log: silentLog, ...options }), {
    [Symbol.asyncDispose]: () => brokers.stop(clock.now()),
  });
  // Nobody listens on port 1, so nothing here depends on a broker.
  const used = brokers.use(parseBrokerUrl("broker", "amqp://127.0.0.1:1//"));
  const queue = changedQueue({ app: "shop", name: "orders", nowMs: 0 }, undefined, {});
  const message = { id: "1", task: "t", args: [], kwargs: {}, argsRepr: "", kwargsRepr: "" };
  const sending = used.send(queue, message, clock.now() + 1000).catch((error: unknown) => error);
  brokers.keepOnly([]);
  expect(brokers.inUse()).toEqual([used]);
  await clock.advance(1000);
  expect(await sending).toBeInstanceOf(Error);
  brokers.keepOnly([]);
  expect(brokers.inUse()).toEqual([]);
});
