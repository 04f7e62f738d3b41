import { describe, expect, test } from "bun:test";
import { parseBrokerUrl, type Broker } from "../domain/broker.ts";
import { ManualClock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import { Brokers } from "./brokers.ts";

/** Nobody listens on port 1, so nothing here depends on a broker. */
const at = (vhost: string): Broker => parseBrokerUrl("broker", `amqp://me:secret@127.0.0.1:1/${vhost}`);

function setup() {
  const clock = new ManualClock();
  const brokers = new Brokers({ clock, log: silentLog, connectionName: "test" });
  return { brokers, clock, [Symbol.asyncDispose]: () => brokers.stop(clock.now()) };
}

describe("brokers", () => {
  test("are none before the first use", async () => {
    await using all = setup();
    expect(all.brokers.inUse()).toEqual([]);
  });

  test("have one connection each, however often they are used", async () => {
    await using all = setup();
    const first = all.brokers.use(at("a"));
    expect(all.brokers.use(at("a"))).toBe(first);
    expect(all.brokers.use(at("b"))).not.toBe(first);
    expect(all.brokers.inUse().map(({ broker }) => broker.virtualHost)).toEqual(["a", "b"]);
  });

  test("differ where only the password does", async () => {
    await using all = setup();
    const broker = at("a");
    expect(all.brokers.use({ ...broker, password: "other" })).not.toBe(all.brokers.use(broker));
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

  test("refuse a question to nobody, which Celery would take for everybody", async () => {
    await using all = setup();
    const { control } = all.brokers.use(at("a"));
    await expect(control.ask("shutdown", {}, [], 1_000)).rejects.toThrow("Cannot send shutdown to no nodes");
    await expect(control.cast("shutdown", {}, [])).rejects.toThrow("Cannot send shutdown to no nodes");
  });
});
