import { describe, expect, test } from "bun:test";
import { parseBrokerUrl, type Broker } from "../domain/broker.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { TaskBrokers } from "./task-brokers.ts";

/** Nobody listens on port 1, so nothing here depends on a broker. */
const at = (vhost: string): Broker => parseBrokerUrl("broker", `amqp://me:secret@127.0.0.1:1/${vhost}`);

function setup() {
  const clock = new ManualClock();
  const options = { connectionName: "test", resultQueue: "results", onReports: () => {}, onTakenLate: () => {} };
  const brokers = new TaskBrokers({ clock, log: silentLog, ...options });
  return { brokers, clock, [Symbol.asyncDispose]: () => brokers.stop(clock.now()) };
}

describe("task brokers", () => {
  test("have one connection each, however often they are used", async () => {
    await using all = setup();
    const first = all.brokers.use(at("a"));
    expect(all.brokers.use(at("a"))).toBe(first);
    expect(all.brokers.use({ ...at("a"), password: "other" })).not.toBe(first);
    expect(all.brokers.inUse()).toHaveLength(2);
  });

  test("that are not kept are stopped, and are new when used again", async () => {
    await using all = setup();
    const [kept, dropped] = [all.brokers.use(at("a")), all.brokers.use(at("b"))];
    all.brokers.keepOnly([at("a"), at("c")]);
    expect(all.brokers.inUse()).toEqual([kept]);
    await expect(dropped.link.whenUp(60_000)).rejects.toThrow("the connection was stopped");
    expect(all.brokers.use(at("b"))).not.toBe(dropped);
  });

  test("are all stopped at the end, and cannot be used then", async () => {
    const { brokers, clock } = setup();
    const { link } = brokers.use(at("a"));
    await brokers.stop(clock.now());
    await brokers.stop(clock.now());
    expect(link.state).toMatchObject({ is: "away", reason: "the connection was stopped" });
    expect(brokers.inUse()).toEqual([]);
    expect(() => brokers.use(at("a"))).toThrow("the branch is stopping");
  });
});
