import { describe, expect, test } from "bun:test";
import { AmqpAway, AmqpRefused } from "../kit/amqp.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { PATIENT, answerOf, controllerOf } from "./test-support.ts";

const S = 1000;

describe("a change of a binding", () => {
  test.each<[string, Error, object]>([
    ["refuses", new AmqpRefused(403, "ACCESS_REFUSED"), { error: "conflict", broker_says: "ACCESS_REFUSED" }],
    ["goes away", new AmqpAway("it is switched off"), { error: "unavailable" }],
  ])("that is stored restarts the workers, though the broker %s then", async (_, error, told) => {
    await using branch = new TestBranch();
    branch.declare("orders");
    await branch.add("web", { queues: ["orders"] });
    await branch.clock.advance(S);
    branch.processes.did.length = 0;
    const { withChannel } = branch.broker;
    branch.broker.withChannel = async (work) => {
      if (branch.store.queues.get("shop", "orders")?.routingKey === "new") throw error;
      return withChannel.call(branch.broker, work) as ReturnType<typeof work>;
    };
    const call = controllerOf(branch).queues.put("shop", "orders", { routing_key: "new" }, PATIENT);
    expect(await answerOf(branch, call)).toMatchObject({ ...told, stored: true });
    await branch.clock.advance(S);
    expect(branch.processes.did).toEqual(["TERM web", "start web"]);
  });
});
