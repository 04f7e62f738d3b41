import { describe, expect, test } from "bun:test";
import { TestBranch } from "../supervisor/test-support.ts";
import { NOWAIT, PATIENT, answerOf, controllerOf } from "./test-support.ts";

const S = 1000;
const WORDS = "PRECONDITION_FAILED - inequivalent arg 'durable'";

/** A branch whose worker `web` runs, with the queue `orders` declared. */
async function branchWithWorker(): Promise<TestBranch> {
  const branch = new TestBranch();
  branch.declare("orders", "mails");
  await branch.add("web");
  await branch.clock.advance(S);
  return branch;
}

/** The broker refuses `orders` to the worker, which was told without waiting. */
async function refusedOnce(branch: TestBranch): Promise<void> {
  branch.broker.refuses.set("orders", WORDS);
  await controllerOf(branch).consumers.add("shop", "web", "orders", NOWAIT);
  await branch.clock.advance(S);
}

const consumed = (branch: TestBranch) => [...branch.processes.worker("web").queues].toSorted();

describe("a consumer that the broker refused", () => {
  test("is there at once when somebody asks again after the queue was mended on the broker", async () => {
    await using branch = await branchWithWorker();
    await refusedOnce(branch);
    branch.broker.refuses.clear();
    const call = controllerOf(branch).consumers.add("shop", "web", "orders", PATIENT);
    expect(await answerOf(branch, call)).toEqual({ ok: "ok" });
    expect(consumed(branch)).toEqual(["dq.web", "orders"]);
  });

  test("can be removed and added again once the queue was mended", async () => {
    await using branch = await branchWithWorker();
    await refusedOnce(branch);
    branch.broker.refuses.clear();
    const { consumers } = controllerOf(branch);
    expect(await answerOf(branch, consumers.remove("shop", "web", "orders", PATIENT))).toEqual({ ok: "ok" });
    expect(await answerOf(branch, consumers.add("shop", "web", "orders", PATIENT))).toEqual({ ok: "ok" });
    expect(consumed(branch)).toEqual(["dq.web", "orders"]);
  });

  test("stays wished where it was wished before, and is still refused", async () => {
    await using branch = await branchWithWorker();
    await refusedOnce(branch);
    const call = controllerOf(branch).consumers.add("shop", "web", "orders", PATIENT);
    expect(await answerOf(branch, call)).toMatchObject({
      error: "conflict",
      stored: true,
      nok: expect.stringContaining(WORDS),
    });
    expect(branch.instance("web").queues).toEqual(["orders"]);
  });

  test("is not wished any more where this call had added it", async () => {
    await using branch = await branchWithWorker();
    // It answers nothing yet, so that there is time between the call's own try and the supervisor's.
    branch.processes.worker("web").isMute = true;
    const call = controllerOf(branch).consumers.add("shop", "web", "orders", PATIENT);
    const answer = answerOf(branch, call);
    await branch.clock.advance(0);
    expect(branch.instance("web").queues).toEqual(["orders"]);
    branch.broker.refuses.set("orders", WORDS);
    branch.processes.worker("web").isMute = false;
    expect(await answer).toMatchObject({ error: "conflict", stored: false });
    expect(branch.instance("web").queues).toEqual([]);
  });

  test("leaves the worker alone that runs", async () => {
    await using branch = await branchWithWorker();
    await refusedOnce(branch);
    const worker = branch.processes.worker("web");
    await answerOf(branch, controllerOf(branch).consumers.add("shop", "web", "orders", PATIENT));
    expect(branch.processes.worker("web")).toBe(worker);
  });
});
