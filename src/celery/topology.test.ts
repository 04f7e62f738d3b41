import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import type { Queue } from "../domain/queue.ts";
import { addConsumerArguments, resolveQueue } from "./topology.ts";

function queueOf(options: Queue["options"], parts: Partial<Queue> = {}): Queue {
  return {
    app: "a",
    name: "q",
    exchange: "e",
    exchangeType: "direct",
    routingKey: "k",
    createdAtMs: 0,
    options,
    ...parts,
  };
}

describe("resolveQueue()", () => {
  test("is durable, not exclusive and without arguments where nothing is said", () => {
    expect(resolveQueue(queueOf(null))).toEqual({
      exchange: { name: "e", type: "direct", durable: true, autoDelete: false, arguments: {}, isDeclared: true },
      queue: { name: "q", durable: true, exclusive: false, autoDelete: false, arguments: {} },
      binding: { routingKey: "k", arguments: {} },
    });
  });

  test("durable and auto_delete hold for queue and exchange", () => {
    const { exchange, queue } = resolveQueue(queueOf({ durable: false, auto_delete: true }));
    expect([exchange.durable, queue.durable, exchange.autoDelete, queue.autoDelete]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test("what is said of one of them wins", () => {
    const options = { durable: false, queue_durable: true, auto_delete: true, exchange_auto_delete: false };
    const { exchange, queue } = resolveQueue(queueOf(options));
    expect([exchange.durable, queue.durable, exchange.autoDelete, queue.autoDelete]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test("an exclusive queue goes away by itself", () => {
    expect(resolveQueue(queueOf({ exclusive: true })).queue).toMatchObject({ exclusive: true, autoDelete: true });
  });

  test("binding_key wins over routing_key, unless it is empty", () => {
    expect(resolveQueue(queueOf({ binding_key: "b" })).binding.routingKey).toBe("b");
    expect(resolveQueue(queueOf({ binding_key: "" })).binding.routingKey).toBe("k");
  });

  test("the broker's own exchanges are not declared", () => {
    expect(resolveQueue(queueOf(null, { exchange: "amq.topic" })).exchange.isDeclared).toBe(false);
  });

  test("each table of arguments goes to its own place", () => {
    const options = {
      queue_arguments: { "x-max-priority": 10 },
      exchange_arguments: { "alternate-exchange": "x" },
      binding_arguments: { "x-match": "all" },
      consumer_arguments: { "x-priority": 1 },
    };
    const { exchange, queue, binding } = resolveQueue(queueOf(options));
    expect([queue.arguments, exchange.arguments, binding.arguments]).toEqual([
      options.queue_arguments,
      options.exchange_arguments,
      options.binding_arguments,
    ]);
  });

  test("numbers that Python's client cannot send are invalid, at any depth", () => {
    const queue = queueOf({ queue_arguments: { deep: [{ n: 1e20 }] } });
    expect(() => resolveQueue(queue)).toThrow(CymeError);
    expect(() => resolveQueue(queue)).toThrow(
      "Cannot use queue_arguments: wanted whole numbers up to 9007199254740991",
    );
  });
});

describe("addConsumerArguments()", () => {
  test("are the declaration by Celery's names", () => {
    expect(addConsumerArguments(queueOf(null))).toEqual({
      queue: "q",
      exchange: "e",
      exchange_type: "direct",
      routing_key: "k",
    });
  });

  test("hold the options beside them", () => {
    const options = { durable: false, consumer_arguments: { "x-priority": 1 } };
    expect(addConsumerArguments(queueOf(options))).toMatchObject({ queue: "q", ...options });
  });
});
