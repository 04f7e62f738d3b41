import { describe, expect, test } from "bun:test";
import { TestBranch } from "../supervisor/test-support.ts";
import { NOWAIT, NewBroker, PATIENT, answerOf, controllerOf } from "./test-support.ts";

const WORDS = "PRECONDITION_FAILED - inequivalent arg 'durable'";

/** A branch with the queue `orders` and an instance `web` that is disabled, whose calls go to a broker that nobody used yet. */
async function branchWithNewBroker() {
  const branch = new TestBranch();
  branch.declare("orders");
  await branch.add("web", { isEnabled: false });
  const broker = new NewBroker(branch);
  broker.refuses.set("orders", WORDS);
  const controller = controllerOf(branch, broker);
  const isEnabled = false;
  const calls = {
    queue: () => controller.queues.put("shop", "orders", { options: { durable: false } }, PATIENT),
    consumer: () => controller.consumers.add("shop", "web", "orders", PATIENT),
    change: () => controller.instances.change("shop", "web", { queues: ["orders"] }, PATIENT),
    instance: () => controller.instances.add("shop", "new", { queues: ["orders"], is_enabled: isEnabled }, PATIENT),
    scheduled: () => controller.instances.add("shop", "new", { queues: ["orders"], is_enabled: isEnabled }, NOWAIT),
  };
  return { branch, broker, calls };
}

type Setup = Awaited<ReturnType<typeof branchWithNewBroker>>;

const stored = ({ branch: { store } }: Setup) => ({
  options: store.queues.get("shop", "orders")?.options,
  web: store.instances.get("web")?.queues,
  names: store.instances.names("shop"),
});

const CALLS = ["queue", "consumer", "change", "instance", "scheduled"] as const;

describe("what a broker refuses that was just named", () => {
  test.each(CALLS)("is refused as soon as it is connected, and not stored: %s", async (call) => {
    const setup = await branchWithNewBroker();
    await using branch = setup.branch;
    const before = stored(setup);
    const answer = answerOf(branch, setup.calls[call]());
    branch.clock.after(2000, () => setup.broker.comeBack());
    expect(await answer).toMatchObject({ error: "conflict", nok: expect.stringContaining(WORDS) });
    expect(stored(setup)).toEqual(before);
  });
});

describe("a broker that was just named and turns out to be away", () => {
  test("is not waited for any longer", async () => {
    const { branch, broker, calls } = await branchWithNewBroker();
    await using _ = branch;
    const begunMs = branch.clock.now();
    const answer = answerOf(branch, calls.consumer());
    branch.clock.after(500, () => broker.goAway());
    expect(await answer).toEqual({ ok: "ok" });
    expect(branch.clock.now() - begunMs).toBeLessThan(1000);
    expect(branch.instance("web").queues).toEqual(["orders"]);
  });

  test("takes no change of a queue", async () => {
    const setup = await branchWithNewBroker();
    await using branch = setup.branch;
    const before = stored(setup);
    const answer = answerOf(branch, setup.calls.queue());
    branch.clock.after(500, () => setup.broker.goAway());
    expect(await answer).toMatchObject({ error: "unavailable", stored: false });
    expect(stored(setup)).toEqual(before);
  });
});

describe("a broker that was just named and does not answer", () => {
  test("takes no change of a queue", async () => {
    const setup = await branchWithNewBroker();
    await using branch = setup.branch;
    const before = stored(setup);
    expect(await answerOf(branch, setup.calls.queue())).toMatchObject({
      error: "unavailable",
      nok: expect.stringContaining("has not answered yet"),
      stored: false,
    });
    expect(stored(setup)).toEqual(before);
  });

  test("is waited for no longer than the caller waits", async () => {
    const { branch, broker } = await branchWithNewBroker();
    await using _ = branch;
    const begunMs = branch.clock.now();
    const { consumers } = controllerOf(branch, broker);
    const call = consumers.add("shop", "web", "orders", { nowait: false, timeoutMs: 1000 });
    expect(await answerOf(branch, call)).toEqual({ ok: "ok" });
    expect(branch.clock.now() - begunMs).toBe(1000);
  });
});
