import { describe, expect, test } from "bun:test";
import { VERBS } from "../../src/domain/task.ts";
import { MemoryCluster } from "./memory.ts";

const PATH = "/shop/queue/http://127.0.0.1:1/x?a=1";

describe("a send that is repeated through another branch", () => {
  test.each(VERBS)("%s is the same task", async (verb) => {
    await using cluster = await MemoryCluster.of("a", "b");
    const headers = { "x-cyme-task": crypto.randomUUID() };
    expect((await cluster.ask("a", `${verb} ${PATH}`, undefined, headers)).status).toBe(202);
    expect((await cluster.ask("b", `${verb} ${PATH}`, undefined, headers)).status).toBe(202);
    expect(["a", "b"].map((id) => cluster.branch(id).taskBroker.sent.length)).toEqual([1, 0]);
  });

  test.each([PATH, "/shop/task/celery/proj.add/"])("says who may have sent it before: %s", async (path) => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const headers = { "x-cyme-task": crypto.randomUUID() };
    await cluster.ask("c", `POST ${path}`, undefined, headers);
    cluster.network.freeze(cluster.branch("c").bus);
    const frozen = await cluster.ask("a", `POST ${path}`, undefined, headers);
    expect(frozen).toMatchObject({ status: 202, silent: ["c"] });
    expect(await cluster.ask("b", `POST ${path}`, undefined, headers)).toMatchObject({ status: 202, silent: [] });
  });
});

describe("a send under one id through several branches at once", () => {
  const tasksOf = (cluster: MemoryCluster, ...ids: string[]) =>
    ids.map((id) => cluster.branch(id).taskBroker.sent.length).reduce((sum, sent) => sum + sent, 0);

  test.each([PATH, "/shop/task/celery/proj.add/"])("is one task: %s", async (path) => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const headers = { "x-cyme-task": crypto.randomUUID() };
    const ids = ["b", "a", "c", "a", "b"] as const;
    const answers = await cluster.askAll(...ids.map((id) => [id, `POST ${path}`, undefined, headers] as const));
    expect(answers.map(({ status, silent }) => [status, silent])).toEqual(ids.map(() => [202, []]));
    expect(tasksOf(cluster, "a", "b", "c")).toBe(1);
  });

  test("is one task whatever their questions take", async () => {
    for (const [first, then, delayed] of [
      ["a", "b", "a"],
      ["b", "a", "a"],
      ["b", "a", "b"],
      ["b", "a", "c"],
      ["a", "b", "c"],
    ] as const) {
      await using cluster = await MemoryCluster.of("a", "b", "c");
      const headers = { "x-cyme-task": crypto.randomUUID() };
      cluster.network.delay(cluster.branch(delayed).bus, 300);
      const one = cluster.branch(first).ask(`POST ${PATH}`, undefined, headers);
      await cluster.clock.advance(100);
      const other = cluster.branch(then).ask(`POST ${PATH}`, undefined, headers);
      await cluster.clock.advance(10_000);
      expect([(await one).status, (await other).status, tasksOf(cluster, "a", "b", "c")]).toEqual([202, 202, 1]);
    }
  });

  test("is sent by the next one where the first cannot", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    const headers = { "x-cyme-task": crypto.randomUUID() };
    const [wrong, right] = await cluster.askAll(
      ["a", "POST /shop/queue/nowhere/http://127.0.0.1:1/x", undefined, headers],
      ["b", `POST ${PATH}`, undefined, headers],
    );
    expect([wrong?.status, right?.status]).toEqual([404, 202]);
    expect(tasksOf(cluster, "a", "b")).toBe(1);
  });
});

test.each(["GET", "POST"])("a %s that a branch falls silent over says whether it was sent", async (verb) => {
  await using cluster = await MemoryCluster.of("a", "b");
  const headers = { "x-cyme-task": crypto.randomUUID() };
  cluster.branch("b").taskBroker.outcome = () => new Promise(() => {});
  void cluster.branch("b").ask(`${verb} ${PATH}`, undefined, headers);
  await cluster.clock.advance(1_000);
  const repeated = cluster.branch("a").ask(`${verb} ${PATH}`, undefined, headers);
  await cluster.clock.advance(200);
  cluster.network.freeze(cluster.branch("b").bus);
  await cluster.clock.advance(80_000);
  expect(await repeated).toMatchObject({ status: 503, body: { branch: "b", stored: null } });
});
