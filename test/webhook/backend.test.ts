import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { URL_TASK } from "../../src/domain/task.ts";
import type { Pool } from "../../src/domain/instance.ts";
import { celeries } from "../harness/celery.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { answer, startEcho, startTarget, type Echo } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";
import { Replies } from "./replies.ts";
import { logged, startWebhookWorker } from "./worker.ts";

const PATIENT_MS = 120_000;

let rabbit: Rabbit;
let echo: Echo;

beforeAll(async () => {
  rabbit = await startRabbit();
  echo = await startEcho();
}, 120_000);

afterAll(async () => {
  await echo.stop();
  await rabbit[Symbol.asyncDispose]();
}, 60_000);

/** A target that answers when told to. */
async function startGate() {
  const waiting: Socket[] = [];
  const target = await startTarget((socket) => void waiting.push(socket));
  return {
    ...target,
    asked: (count = 1) => until(() => target.connections() >= count, { what: "a request", timeoutMs: 40_000 }),
    open: () => waiting.splice(0).forEach((socket) => socket.end(answer({ type: "text/plain", body: "open" }))),
  };
}

describe.each(celeries())("the states of a URL task on Celery $name", (celery) => {
  test.each(["prefork", "threads", "solo"] as const)(
    "arrive where the message says: STARTED and SUCCESS, by a worker of %s",
    async (pool) => {
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url, pool });
      const replies = new Replies(rabbit.url);
      const id = await replies.send({
        queue: worker.queue,
        task: URL_TASK,
        kwargs: { url: `${echo.url}/a`, later: 1 },
      });
      const heard = await replies.of(id, "SUCCESS");
      expect(heard).toMatchObject([
        { task_id: id, status: "STARTED", correlationId: id, deliveryMode: 2 },
        {
          task_id: id,
          status: "SUCCESS",
          correlationId: id,
          deliveryMode: 2,
          result: { status_code: 200, url: `${echo.url}/a`, is_base64: false },
          traceback: null,
        },
      ]);
    },
    PATIENT_MS,
  );

  test.each(["prefork", "threads", "solo"] as const)(
    "SUCCESS shows what was asked and answered to nobody else, by a worker of %s",
    async (pool) => {
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url, pool });
      const replies = new Replies(rabbit.url);
      const kwargs = { url: `http://me:s3cret@127.0.0.1:${echo.port}/b?s3cret`, method: "POST", body: "s3cret" };
      const id = await replies.send({ queue: worker.queue, task: URL_TASK, kwargs });
      const told = (await replies.of(id, "SUCCESS")).at(-1)?.result;
      expect(told).toMatchObject({ url: `${echo.url}/b?s3cret`, content: expect.stringContaining("s3cret") });
      // What is logged here is what the event task-succeeded holds.
      await logged(worker, /succeeded in/);
      expect(await worker.log()).toMatch(new RegExp(`succeeded in [0-9.e-]+s: <200 ${echo.url}/b>\n`));
      expect(await worker.log()).not.toContain("s3cret");
    },
    PATIENT_MS,
  );

  test(
    "FAILURE names the error and shows no secret",
    async () => {
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url });
      const replies = new Replies(rabbit.url);
      const refused = { url: "http://me:s3cret@127.0.0.1:1/", method: "POST", body: "s3cret" };
      const wrong = { url: "http://me:s3cret@[s3cret/" };
      const metadata = { url: "http://169.254.169.254/" };
      const ids = await Promise.all(
        [refused, wrong, metadata].map((kwargs) => replies.send({ queue: worker.queue, task: URL_TASK, kwargs })),
      );
      const heard = await Promise.all(ids.map((id) => replies.of(id, "FAILURE")));
      expect(heard.map((each) => each.at(-1)?.result)).toMatchObject([
        {
          exc_type: "ConnectionRefusedError",
          exc_message: ["Cannot connect to 127.0.0.1 port 1: Connection refused"],
          exc_module: "builtins",
        },
        { exc_type: "InvalidRequest", exc_module: "cyme_webhook" },
        { exc_type: "TargetRefused", exc_message: [expect.stringContaining("169.254.169.254")] },
      ]);
      expect(heard.flat().every(({ status, traceback }) => status === "STARTED" || traceback !== null)).toBe(true);
      expect(JSON.stringify(heard)).not.toContain("s3cret");
      expect(await worker.log()).not.toContain("s3cret");
    },
    PATIENT_MS,
  );

  test(
    "arrive whatever the user's app says of backends, results and limits",
    async () => {
      await using gate = await startGate();
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url, arguments: "-A stubborn" });
      const replies = new Replies(rabbit.url);
      const id = await replies.send({ queue: worker.queue, task: URL_TASK, kwargs: { url: gate.url } });
      await gate.asked();
      // A task of the user's that began later is cut off: ours would have been.
      await replies.send({ queue: worker.queue, task: "stubborn.slow" });
      await logged(worker, /time limit \(1s?\) exceeded/i);
      gate.open();
      expect((await replies.of(id, "SUCCESS")).map(({ status }) => status)).toEqual(["STARTED", "SUCCESS"]);
      expect(gate.connections()).toBe(1);
    },
    PATIENT_MS,
  );

  test(
    "RETRY, REVOKED and the loss of a pool process arrive too",
    async () => {
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url, arguments: "-A stubborn" });
      const replies = new Replies(rabbit.url);
      const { queue } = worker;
      const again = await replies.send({ queue, task: "stubborn.again" });
      expect((await replies.of(again, "SUCCESS")).map(({ status }) => status)).toEqual([
        "STARTED",
        "RETRY",
        "STARTED",
        "SUCCESS",
      ]);
      const headers = { expires: "2020-01-01T00:00:00+00:00" };
      const late = await replies.send({ queue, task: URL_TASK, kwargs: { url: echo.url }, headers });
      expect(await replies.of(late, "REVOKED")).toMatchObject([{ result: { exc_message: ["expired"] } }]);
      const dead = await replies.send({ queue, task: "stubborn.die" });
      expect((await replies.of(dead, "FAILURE")).at(-1)?.result).toMatchObject({ exc_type: "WorkerLostError" });
    },
    PATIENT_MS,
  );

  test(
    "a task whose message names no queue for them is done in silence",
    async () => {
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url });
      const replies = new Replies(rabbit.url);
      const kwargs = { url: `${echo.url}/silent` };
      await replies.send({ queue: worker.queue, task: URL_TASK, kwargs, isAnswered: false });
      await logged(worker, /succeeded in/);
      expect(echo.requests.some(({ target }) => target === "/silent")).toBe(true);
      expect(await worker.log()).not.toContain("Traceback");
    },
    PATIENT_MS,
  );

  test(
    "a result that the broker refuses becomes a FAILURE that says so",
    async () => {
      await rabbit.evaluate("application:set_env(rabbit, max_message_size, 100000)");
      await using worker = await startWebhookWorker({ celery, broker: rabbit.url });
      const replies = new Replies(rabbit.url);
      const kwargs = { url: echo.url, method: "POST", body: "x".repeat(80_000) };
      const id = await replies.send({ queue: worker.queue, task: URL_TASK, kwargs });
      const heard = await replies.of(id, "FAILURE", "SUCCESS");
      await rabbit.evaluate("application:unset_env(rabbit, max_message_size)");
      expect(heard.at(-1)).toMatchObject({
        status: "FAILURE",
        result: { exc_type: "ResultRefused", exc_message: [expect.stringContaining("message size")] },
      });
    },
    PATIENT_MS,
  );

  test(
    "results wait for their broker to come back, in workers of every pool",
    async () => {
      await using gate = await startGate();
      // Side by side, since an outage takes its time.
      const start = (pool: Pool) => startWebhookWorker({ celery, broker: rabbit.url, pool });
      await using prefork = await start("prefork");
      await using threads = await start("threads");
      await using solo = await start("solo");
      const workers = [prefork, threads, solo];
      const replies = new Replies(rabbit.url);
      const kwargs = { url: gate.url };
      const ids = await Promise.all(workers.map(({ queue }) => replies.send({ queue, task: URL_TASK, kwargs })));
      await gate.asked(workers.length);
      await rabbit.stop();
      gate.open();
      await Promise.all(workers.map((worker) => logged(worker, /Cannot publish the results of URL tasks/)));
      await rabbit.start();
      const heard = await Promise.all(ids.map((id) => replies.of(id, "SUCCESS", "FAILURE")));
      gate.open(); // Tasks that were not acknowledged are done again.
      expect(heard.map((each) => each.find(({ status }) => status !== "STARTED"))).toMatchObject(
        workers.map(() => ({ status: "SUCCESS", result: { content: "open" } })),
      );
      // Once, however often they tried.
      const warnings = (text: string) => text.match(/Cannot publish the results/g)?.length;
      expect(await Promise.all(workers.map(async (worker) => warnings(await worker.log())))).toEqual([1, 1, 1]);
    },
    PATIENT_MS,
  );
});
