import { describe, expect, test } from "bun:test";
import { changedQueue, parseQueueChange, sameQueue, type QueueChange } from "./queue.ts";
import { refusal, words } from "./test-support.ts";

const parse = (params: Record<string, unknown>) => parseQueueChange("t2", params);
const id = { app: "shop", name: "t2", nowMs: 5 };
const made = (change: QueueChange = {}) => changedQueue(id, undefined, change);

describe("parseQueueChange()", () => {
  test("holds exactly what was given", () => {
    expect(parse({})).toEqual({});
    expect(parse({ exchange: "e", exchange_type: "topic", routing_key: "k.#" })).toEqual({
      exchange: "e",
      exchangeType: "topic",
      routingKey: "k.#",
    });
  });

  test.each([null, ""])("%j resets: exchange and routing key to the queue's name", (value) => {
    expect(parse({ exchange: value, exchange_type: value, routing_key: value, options: value })).toEqual({
      exchange: "t2",
      exchangeType: "direct",
      routingKey: "t2",
      options: null,
    });
  });

  test.each(["direct", "topic", "fanout", "headers", "x-delayed-message"])("knows the exchange type %s", (type) => {
    expect(parse({ exchange_type: type })).toEqual({ exchangeType: type });
  });

  test.each<[string, unknown]>([
    ["exchange_type", "Direct"],
    ["exchange_type", "queue"],
    ["exchange_type", "x-"],
    ["exchange_type", 1],
    ["exchange", 1],
    ["exchange", "ü".repeat(128)],
    ["routing_key", "k".repeat(256)],
    ["routing_key", "a\0b"],
  ])("refuses %s %j", (field, value) => expect(refusal(() => parse({ [field]: value })).code).toBe("invalid"));

  test("names and keys may be as long as AMQP's short strings, counted in bytes", () => {
    expect(parse({ exchange: "e".repeat(255), routing_key: `${"ü".repeat(127)}x` })).toMatchObject({
      exchange: "e".repeat(255),
    });
  });
});

describe("the options of a queue", () => {
  const options = (given: unknown) => parse({ options: given }).options;

  test("are those of kombu's entry_to_queue, as an object or as JSON", () => {
    const all = {
      durable: true,
      queue_durable: false,
      exchange_durable: true,
      auto_delete: false,
      queue_auto_delete: true,
      exchange_auto_delete: false,
      exclusive: true,
      no_ack: false,
      binding_key: "k",
      delivery_mode: 2,
      queue_arguments: { "x-max-priority": 10 },
      exchange_arguments: { "x-delayed-type": "direct" },
      binding_arguments: { "x-match": "all" },
      consumer_arguments: { "x-priority": 1 },
    };
    expect(options(all)).toEqual(all);
    expect(options(JSON.stringify(all))).toEqual(all);
  });

  test("flags may be words, as in a form", () => {
    expect(options({ durable: "no", exclusive: "1" })).toEqual({ durable: false, exclusive: true });
  });

  test.each([1, 2, "transient", "persistent"])("know the delivery mode %j", (mode) => {
    expect(options({ delivery_mode: mode })).toEqual({ delivery_mode: mode });
  });

  test.each<unknown>([{}, "{}", { durable: null }, ""])("%j is none", (given) => expect(options(given)).toBeNull());

  test.each<[string, unknown]>([
    ["no object", "durable"],
    ["a list", [["durable"]]],
    ["a number", 5],
    ["an unknown option", { durabel: true }],
    ["a name that every object has", { toString: true }],
    ["__proto__", '{"__proto__":{"durable":true}}'],
    ["a flag that is none", { durable: "perhaps" }],
    ["a delivery mode that is none", { delivery_mode: 3 }],
    ["a delivery mode in words that mean none", { delivery_mode: "2" }],
    ["a key that is no text", { binding_key: 5 }],
    ["a key that is too long", { binding_key: "k".repeat(256) }],
    ["arguments that are no object", { queue_arguments: ["x"] }],
    ["an argument without a value", { queue_arguments: { "x-max-priority": null } }],
    ["an argument's name that is too long", { queue_arguments: { ["x".repeat(129)]: 1 } }],
  ])("refuse %s", (_what, given) => expect(refusal(() => options(given)).code).toBe("invalid"));

  test("say why bindings are none of them", () => {
    expect(words(() => options({ bindings: [] }))).toContain("a worker cannot take bindings over remote control");
  });

  test("name the option that is wrong", () => {
    expect(words(() => options({ queue_arguments: 1 }))).toContain("Cannot use options.queue_arguments:");
  });
});

describe("changedQueue()", () => {
  test("a new queue takes its defaults from its name", () => {
    expect(made()).toEqual({
      app: "shop",
      name: "t2",
      exchange: "t2",
      exchangeType: "direct",
      routingKey: "t2",
      options: null,
      createdAtMs: 5,
    });
  });

  test("keeps of an old one what was not given, and when it was created", () => {
    const before = made({ exchange: "e", options: { durable: false } });
    expect(changedQueue({ ...id, nowMs: 99 }, before, { routingKey: "k" })).toEqual({ ...before, routingKey: "k" });
    expect(changedQueue(id, before, { options: null }).options).toBeNull();
  });
});

describe("sameQueue()", () => {
  const queue = made({ options: { queue_arguments: { a: 1, b: [2] } } });

  test("is so for what says the same, whoever declared it, and when", () => {
    const other = { ...queue, app: "other", createdAtMs: 9, options: { queue_arguments: { b: [2], a: 1 } } };
    expect(sameQueue(queue, other)).toBe(true);
  });

  test.each<QueueChange>([
    { exchange: "e" },
    { exchangeType: "topic" },
    { routingKey: "k" },
    { options: null },
    { options: { queue_arguments: { a: 1, b: [3] } } },
  ])("is not so where %j differs", (change) => expect(sameQueue(queue, { ...queue, ...change })).toBe(false));
});
