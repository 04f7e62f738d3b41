import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/kit/test-support.ts";
import { MemoryCluster } from "./memory.ts";

const IDS = ["a", "b", "c", "d", "e"];
const NAMES = ["web", "mail", "x", "y", "z", "jobs", "sums", "rest"];
const STEPS = 300;
const MAX_FAULT_MS = 15_000;
/** Longer than any request, heartbeat and round takes. */
const CALM_MS = 90_000;

/** What somebody does at random: to the instances through any branch, and to the branches and the network. */
function randomStep(cluster: MemoryCluster, random: () => number): () => Promise<unknown> | void {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const up = IDS.filter((id) => cluster.branch(id).isUp);
  const through = cluster.branch(pick(up));
  const path = `/shop/instances/${pick(NAMES)}/`;
  const target = cluster.branch(pick(IDS));
  const dice = random();
  if (dice < 0.1) return () => through.ask(`POST /shop/instances/kept-${Math.floor(random() * 1e9)}/`);
  if (dice < 0.3) return () => through.ask(`POST ${path}`);
  if (dice < 0.4) return () => through.ask(`POST ${path}?branch=${pick(IDS)}`);
  if (dice < 0.5) return () => through.ask(`DELETE ${path}`);
  if (dice < 0.6) return () => through.ask(`PUT ${path}`, { max_concurrency: 1 + Math.floor(random() * 4) });
  if (dice < 0.68) return () => through.ask(`POST ${path}move/?branch=${pick(IDS)}`);
  if (dice < 0.74) return () => through.ask(`POST ${path}${pick(["disable", "enable", "restart"])}/`);
  const later = (undo: () => unknown) => void cluster.clock.after(1_000 + random() * MAX_FAULT_MS, () => void undo());
  if (dice < 0.77) return () => (up.length > 2 ? target.kill() : undefined);
  if (dice < 0.86) return () => target.restart();
  if (!target.isUp) return () => undefined;
  const { bus } = target;
  // By then it may have been killed.
  const ifStill = (undo: () => void) => () => (target.isUp && target.bus === bus ? undo() : undefined);
  if (dice < 0.92) {
    return () => {
      cluster.network.cut(bus);
      later(ifStill(() => cluster.network.mend(bus)));
    };
  }
  if (dice < 0.98) {
    return () => {
      cluster.network.freeze(bus);
      later(ifStill(() => cluster.network.thaw(bus)));
    };
  }
  return () => {
    cluster.network.stopBroker();
    later(() => cluster.network.startBroker());
  };
}

async function heal(cluster: MemoryCluster): Promise<void> {
  cluster.network.startBroker();
  for (const id of IDS) {
    const branch = cluster.branch(id);
    if (!branch.isUp) await branch.restart();
    cluster.network.thaw(branch.bus);
    cluster.network.mend(branch.bus);
  }
  await cluster.clock.advance(CALM_MS);
}

interface InstanceAnswer {
  readonly name: string;
  readonly branch: string;
  readonly state: string;
}

describe.each([1, 2, 3, 4])("five branches, whatever happened to them (seed %d)", (seed) => {
  test("agree on who has which instance, and each worker that runs is wanted where it runs", async () => {
    const random = seededRandom(seed);
    await using cluster = await MemoryCluster.of(...IDS);
    const statuses = new Map<number, number>();
    /** Confirmed, and deleted by nobody. */
    const kept: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      const done = randomStep(cluster, random)();
      // What a branch was asked that is killed meanwhile, is answered by nobody.
      void done?.then(
        (answer) => {
          if (!isAnswer(answer)) return;
          const { status, body } = answer;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          const { name = "" } = body as Partial<InstanceAnswer>;
          if (status === 201 && name.startsWith("kept-")) kept.push(name);
        },
        () => undefined,
      );
      await cluster.clock.advance(Math.floor(random() * 2_000));
    }
    await heal(cluster);

    expect([...statuses.keys()].filter((status) => status === 500)).toEqual([]);
    expect(statuses.get(201) ?? 0).toBeGreaterThan(5);
    const lists = await cluster.askAll(...IDS.map((id) => [id, "GET /shop/instances/?detail=1"] as const));
    const [first, ...rest] = lists.map(({ body, silent }) => ({
      body: (body as InstanceAnswer[]).map(placeOf),
      silent,
    }));
    for (const other of rest) expect(other).toEqual(first as typeof other);
    expect(first?.silent).toEqual([]);
    const listed = (lists[0]?.body ?? []) as InstanceAnswer[];
    const wanted = listed.filter(({ state }) => state !== "disabled");
    const running = IDS.flatMap((id) => cluster.branch(id).running.map((name) => `${name} on ${id}`));
    expect(running.toSorted()).toEqual(wanted.map(({ name, branch }) => `${name} on ${branch}`).toSorted());
    const names = listed.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    expect(kept.filter((name) => !names.includes(name))).toEqual([]);
  }, 60_000);
});

const isAnswer = (value: unknown): value is { status: number; body: unknown } =>
  typeof value === "object" && value !== null && "status" in value;

const placeOf = ({ name, branch, state }: InstanceAnswer) => ({ name, branch, state });
