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
