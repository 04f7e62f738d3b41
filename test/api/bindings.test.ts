import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AMQPClient } from "@cloudamqp/amqp-client";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";

/* How a queue is bound on the broker after its declaration changed, though no worker runs that would bind it. */

let vhost: Vhost;
let branch: Branch;
let client: AMQPClient;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url });
  client = new AMQPClient(vhost.url);
  await client.connect();
  await branch.api("PUT", "/shop/");
}, 60_000);

afterAll(async () => {
  await client.close();
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

/** Declares a queue, and has it made on the broker by a consumer that is disabled. */
async function bound(queue: string, declaration: object): Promise<void> {
  await branch.api("PUT", `/shop/queues/${queue}/`, { json: declaration });
  const json = { is_enabled: false, queues: [queue] };
  expect((await branch.api("PUT", `/shop/instances/of-${queue}/`, { json })).status).toBe(201);
}

/** Whether a message that is sent there comes to the queue. */
async function arrives(queue: string, exchange: string, key: string, headers = {}): Promise<boolean> {
  const channel = await client.channel();
  await channel.confirmSelect();
  await channel.basicPublish(exchange, key, "x", { headers });
  const { messageCount } = await channel.queuePurge(queue);
  await channel.close();
  return messageCount === 1;
}

describe("a queue whose consumer is disabled", () => {
  test("gets what goes by its new routing key, and no longer what goes by the old one", async () => {
    await bound("films", { exchange: "media", exchange_type: "topic", routing_key: "video" });
    expect(await arrives("films", "media", "video")).toBe(true);
    await branch.api("PUT", "/shop/queues/films/", { json: { routing_key: "video.#" } });
    expect(await arrives("films", "media", "video.cut")).toBe(true);
    await branch.api("PUT", "/shop/queues/films/", { json: { routing_key: "audio" } });
    expect(await arrives("films", "media", "audio")).toBe(true);
    expect(await arrives("films", "media", "video.cut")).toBe(false);
  });

  test("moves to another exchange", async () => {
    await bound("moving", { exchange: "from" });
    await branch.api("PUT", "/shop/queues/moving/", { json: { exchange: "to" } });
    expect(await arrives("moving", "to", "moving")).toBe(true);
    expect(await arrives("moving", "from", "moving")).toBe(false);
  });

  test("goes by new arguments of its binding", async () => {
    const kind = (wanted: string) => ({ binding_arguments: { "x-match": "all", kind: wanted } });
    await bound("sorted", { exchange: "mixed", exchange_type: "headers", options: kind("letter") });
    await branch.api("PUT", "/shop/queues/sorted/", { json: { options: kind("parcel") } });
    expect(await arrives("sorted", "mixed", "", { kind: "parcel" })).toBe(true);
    expect(await arrives("sorted", "mixed", "", { kind: "letter" })).toBe(false);
  });
});

test("a change of a queue that nobody has used makes nothing on the broker", async () => {
  await branch.api("PUT", "/shop/queues/unused/");
  expect((await branch.api("PUT", "/shop/queues/unused/", { json: { routing_key: "new" } })).status).toBe(200);
  const channel = await client.channel();
  await expect(channel.queueDeclare("unused", { passive: true })).rejects.toThrow("NOT_FOUND");
});
