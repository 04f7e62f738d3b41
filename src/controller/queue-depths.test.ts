import { describe, expect, spyOn, test } from "bun:test";
import { AmqpRefused, type AMQPChannel } from "../kit/amqp.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { controllerOf } from "./test-support.ts";

/** A branch whose broker has these queues and no others; and which queues it was asked for. */
function counting(there: ReadonlySet<string>) {
  const branch = new TestBranch();
  const asked: string[] = [];
  const queueDeclare = async (name: string, { passive }: { passive: boolean }) => {
    if (!passive) throw new Error("a count declares nothing");
    asked.push(name);
    if (!there.has(name)) throw new AmqpRefused(404, "NOT_FOUND");
    return { name, messageCount: 3, consumerCount: 1 };
  };
  spyOn(branch.broker, "withChannel").mockImplementation((work) => work({ queueDeclare } as unknown as AMQPChannel));
  const { depths } = controllerOf(branch);
  return { branch, asked, depths, [Symbol.asyncDispose]: () => branch[Symbol.asyncDispose]() };
}

describe("counts of queues", () => {
  test("are none of a queue that is not there, and unknown before the first", async () => {
    await using at = counting(new Set(["orders"]));
    at.branch.declare("orders", "mails");
    expect(at.depths.of("shop", "orders")).toBeUndefined();
    await at.depths.count();
    expect(at.depths.of("shop", "orders")).toEqual({ messages: 3, consumers: 1 });
    expect(at.depths.of("shop", "mails")).toEqual({ messages: 0, consumers: 0 });
    expect(at.depths.of("shop", "nothing")).toBeUndefined();
    at.depths.forget();
    expect(at.depths.of("shop", "orders")).toBeUndefined();
  });

  test("ask for many that are not there in turn, and for the others each time", async () => {
    const there = new Set(["orders"]);
    await using at = counting(there);
    const missing = Array.from({ length: 120 }, (_, i) => `m${i}`);
    at.branch.declare("orders", ...missing);
    await at.depths.count();
    expect(at.asked).toHaveLength(121);
    at.asked.length = 0;
    for (let i = 0; i < 3; i++) await at.depths.count();
    expect(at.asked.filter((name) => name === "orders")).toHaveLength(3);
    expect(at.asked.filter((name) => name !== "orders").toSorted()).toEqual(missing.toSorted());
    there.add("m7");
    for (let i = 0; i < 3; i++) await at.depths.count();
    expect(at.depths.of("shop", "m7")).toEqual({ messages: 3, consumers: 1 });
  });

  test("are asked for 1,000 queues at most", async () => {
    await using at = counting(new Set());
    at.branch.declare(...Array.from({ length: 1_010 }, (_, i) => `q${i}`));
    await at.depths.count();
    expect(at.asked).toHaveLength(1_000);
  });

  test("for who asks once are at most five seconds old, and none where the broker does not say at once", async () => {
    await using at = counting(new Set(["orders"]));
    const { clock } = at.branch;
    at.branch.declare("orders");
    await at.depths.refresh();
    expect(at.depths.of("shop", "orders")).toEqual({ messages: 3, consumers: 1 });
    await clock.advance(4_000);
    await at.depths.refresh();
    expect(at.asked).toEqual(["orders"]);
    await clock.advance(1_000);
    spyOn(at.branch.broker, "withChannel").mockImplementation(() => new Promise(() => {}));
    const asked = at.depths.refresh();
    await clock.advance(1_000);
    await asked;
    expect(at.depths.of("shop", "orders")).toBeUndefined();
  });
});
