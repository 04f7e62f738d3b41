import { afterAll, beforeAll, describe, test } from "bun:test";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { expectAgreement, IDS, upheaval } from "./agreement.ts";
import { AmqpCluster } from "./amqp.ts";

/** Another each time, so that runs see more than one; CYME_TEST_SEED sees one again. */
const seed = Number(process.env["CYME_TEST_SEED"] ?? Math.floor(Math.random() * 1e6));

let vhost: Vhost;

beforeAll(async () => {
  vhost = await freshVhost();
});

afterAll(async () => {
  await vhost?.drop();
});

describe(`five branches on RabbitMQ, whatever happened to them (CYME_TEST_SEED=${seed})`, () => {
  test("agree on what there is and who has it, and each worker that runs is wanted where it runs", async () => {
    await using cluster = await AmqpCluster.of(vhost.url, ...IDS);
    const tally = await upheaval(cluster, { seed, steps: 250, maxPauseMs: 300, calmMs: 40_000 });
    await expectAgreement(cluster, tally);
  }, 120_000);
});
