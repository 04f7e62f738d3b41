import { expect, test } from "bun:test";
import { askBranches } from "../../src/branch/observe.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { OBSERVER } from "../../src/cluster/cluster.ts";
import { CymeError } from "../../src/domain/errors.ts";
import { silentLog } from "../../src/kit/log.ts";
import { MemoryCluster } from "./memory.ts";

interface Told {
  readonly status: number;
  readonly body: unknown;
  readonly silent: string | null;
}

test("a command without a daemon names the branches that do not answer it", async () => {
  await using cluster = await MemoryCluster.of("a", "b", "c");
  cluster.network.freeze(cluster.branch("c").bus);
  expect(await observed(cluster, "GET /branches/")).toEqual({ status: 200, body: ["a", "b"], silent: "c" });
  for (const method of ["GET", "DELETE"]) {
    const stored = method === "DELETE" ? { stored: false } : {};
    expect(await observed(cluster, `${method} /branches/c/`)).toMatchObject({
      status: 503,
      body: { branch: "c", ...stored },
    });
    expect((await observed(cluster, `${method} /branches/nobody/`)).status).toBe(404);
  }
  expect((await observed(cluster, "DELETE /branches/b/")).status).toBe(202);
  expect(["b", "c"].map((id) => cluster.branch(id).isShutDown)).toEqual([true, false]);
});

test("a command without a daemon has a branch that is away forgotten by one that is up", async () => {
  await using cluster = await MemoryCluster.of("a", "b", "c");
  expect((await observed(cluster, "DELETE /branches/c/?forget=1")).status).toBe(409);
  cluster.branch("c").kill();
  await cluster.clock.advance(10_000);
  expect(await observed(cluster, "DELETE /branches/c/?forget=1")).toMatchObject({ status: 200, body: { ok: "ok" } });
  expect((await observed(cluster, "DELETE /branches/nobody/?forget=1")).status).toBe(404);
  await cluster.clock.advance(5_000);
  expect(await observed(cluster, "GET /branches/")).toEqual({ status: 200, body: ["a", "b"], silent: null });
});

/** What one is told that listens to the bus and is no branch; an error as its status. */
async function observed(cluster: MemoryCluster, line: string): Promise<Told> {
  const { clock, network } = cluster;
  const self = { id: `command-${crypto.randomUUID()}`, key: "", version: "1", facts: () => OBSERVER };
  const handle = () => Promise.reject(new CymeError("not-implemented", "no branch"));
  const bus = new MemoryBus({ self, handle, controllers: 1, log: silentLog, onRefused: () => {} }, network);
  bus.start();
  await clock.advance(1_000);
  const [method = "", path = ""] = line.split(" ");
  const answered = askBranches(bus, new Request(`http://localhost${path}`, { method })).then(
    async (response): Promise<Told> => ({
      status: response.status,
      body: await response.json(),
      silent: response.headers.get("x-cyme-silent"),
    }),
    (error: unknown): Told => {
      if (!(error instanceof CymeError)) throw error;
      return { status: error.code === "not-found" ? 404 : 503, body: error.facts, silent: null };
    },
  );
  await clock.advance(3_000);
  await bus.stop(clock.now());
  return answered;
}
