import { describe, expect, test } from "bun:test";
import { TestBranch } from "../supervisor/test-support.ts";
import { NOWAIT, PATIENT, answerOf, controllerOf } from "./test-support.ts";

const S = 1000;
const WORDS = "PRECONDITION_FAILED - inequivalent arg 'durable'";

/** A worker `web` that runs; the broker refuses one of its queues, `orders`. */
async function branchWithRefusal(): Promise<TestBranch> {
  const branch = new TestBranch();
  branch.declare("orders", "mails");
  await branch.add("web");
  await branch.clock.advance(S);
  branch.broker.refuses.set("orders", WORDS);
  await controllerOf(branch).consumers.add("shop", "web", "orders", NOWAIT);
  await branch.clock.advance(S);
  return branch;
}

describe("a queue that the broker refuses", () => {
  test("is no conflict of a change that is about something else", async () => {
    await using branch = await branchWithRefusal();
    const call = controllerOf(branch).instances.autoscale("shop", "web", { max: 3, min: 1 }, PATIENT);
    expect(await answerOf(branch, call)).toEqual({ ok: "ok" });
    expect(branch.processes.worker("web").bounds).toEqual({ max: 3, min: 1 });
  });

  test("is no conflict of another queue that is added", async () => {
    await using branch = await branchWithRefusal();
    const call = controllerOf(branch).instances.change("shop", "web", { queues: ["orders", "mails"] }, PATIENT);
    expect(await answerOf(branch, call)).toEqual({ ok: "ok" });
    expect([...branch.processes.worker("web").queues]).toContain("mails");
  });

  test("is a conflict of a new instance that is to consume from it, where only its worker finds out", async () => {
    await using branch = new TestBranch();
    branch.declare("orders");
    const call = controllerOf(branch).instances.add("shop", "web", { queues: ["orders"] }, PATIENT);
    branch.processes.next = { isMute: true };
    const answer = answerOf(branch, call);
    await branch.clock.advance(0);
    branch.broker.refuses.set("orders", WORDS);
    branch.processes.worker("web").isMute = false;
    expect(await answer).toMatchObject({ error: "conflict", queue: "orders", stored: true });
  });
});

describe("a change of the broker", () => {
  test("declares the queues on the new one alone", async () => {
    await using branch = new TestBranch();
    branch.declare("orders", "mails");
    await branch.add("web", { queues: ["orders"], isEnabled: false });
    const there = branch.brokers.use({ ...branch.broker.broker, virtualHost: "there" });
    const change = { broker: "amqp://me:hush@127.0.0.1:5672/there", queues: ["mails", "orders"] };
    const call = controllerOf(branch).instances.change("shop", "web", change, PATIENT);
    expect(await answerOf(branch, call)).toEqual({ ok: "ok" });
    expect(there.did.filter((line) => line.startsWith("declare queue"))).toEqual([
      "declare queue mails",
      "declare queue orders",
    ]);
    expect(branch.broker.did).toEqual([]);
  });
});

test("a restart for which there is no room is not there in time, and goes on: nothing is given up", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(S);
  branch.processes.next = { noRoom: "Cannot start celery: EAGAIN" };
  const answer = await answerOf(branch, controllerOf(branch).instances.restart("shop", "web", false, PATIENT));
  expect(answer).toMatchObject({ error: "timeout", instance: "web", state: "backoff", stored: true });
  expect(branch.instance("web").isEnabled).toBe(true);
});
