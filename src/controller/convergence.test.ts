import { expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { seededRandom } from "../kit/test-support.ts";
import { TestCluster, type ClusterBranch } from "./test-cluster.ts";
import { NOWAIT } from "./test-support.ts";

const S = 1000;
const MIN_S = 60 * S;
const STEPS = 300;
const SEEDS = [1, 2, 3];
const APPS = ["mail", "post", "shop"];
const QUEUES = ["letters", "parcels"];
const PROJECTS = ["one", "two", "three"];

/** Whatever happens to branches and between them, and whatever users ask of them meanwhile. */
class Chaos {
  readonly #cluster: TestCluster;
  readonly #random: () => number;
  #added = 0;
  readonly done = new Map<string, number>();

  constructor(cluster: TestCluster, seed: number) {
    this.#cluster = cluster;
    this.#random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const moves: readonly (readonly [string, number, () => Promise<unknown> | unknown])[] = [
      ["put app", 20, () => this.#up().life.apps.put(this.#pick(APPS), this.#launch(), NOWAIT)],
      [
        "put queue",
        20,
        () => this.#up().life.queues.put(this.#pick(APPS), this.#pick(QUEUES), this.#routing(), NOWAIT),
      ],
      ["remove app", 6, () => this.#up().life.apps.remove(this.#pick(APPS), NOWAIT)],
      ["remove queue", 10, () => this.#up().life.queues.remove(this.#pick(APPS), this.#pick(QUEUES), NOWAIT)],
      ["add instance", 6, () => this.#addInstance(this.#up())],
      ["kill", 4, () => this.#ups().length > 1 && this.#up().kill()],
      ["start", 6, () => this.#pick(this.#cluster.branches.filter(({ isUp }) => !isUp))?.start()],
      ["split", 4, () => this.#split()],
      ["join", 4, () => this.#cluster.network.partition()],
      ["lose", 6, () => this.#cluster.network.lose(this.#up().life.bus, this.#chance(0.5))],
      ["wait", 30, () => this.#cluster.clock.advance(Math.floor(this.#random() * 5 * S))],
    ];
    let at = this.#random() * moves.reduce((total, [, weight]) => total + weight, 0);
    const move = moves.find(([, weight]) => (at -= weight) < 0) ?? moves[0];
    if (!move) return;
    const [name, , work] = move;
    try {
      await work();
      this.done.set(name, (this.done.get(name) ?? 0) + 1);
    } catch (error) {
      // What was asked for is not there, or is just being deleted.
      if (!(error instanceof CymeError)) throw error;
    }
  }

  /** All is well again, for long enough. */
  async end(): Promise<void> {
    const { network, branches, clock } = this.#cluster;
    for (const branch of branches) if (!branch.isUp) branch.start();
    network.partition();
    await clock.advance(S);
    for (const { life } of branches) network.lose(life.bus, false);
    await clock.advance(3 * MIN_S);
  }

  async #addInstance({ test: branch }: ClusterBranch): Promise<void> {
    const app = this.#pick(APPS);
    if (branch.store.apps.get(app)?.isDeleted !== false) return;
    const queues = branch.store.queues.names(app).filter(() => this.#chance(0.5));
    await branch.add(`i${this.#added++}`, { queues }, app);
  }

  #split(): void {
    const groups: ClusterBranch["life"]["bus"][][] = [[], [], []];
    for (const { life } of this.#ups()) this.#pick(groups).push(life.bus);
    this.#cluster.network.partition(...groups);
  }

  readonly #launch = () => ({
    arguments: this.#pick([null, ...PROJECTS.map((project) => `-A ${project}`)]),
    ...(this.#chance(0.3) ? { env: { A: String(Math.floor(this.#random() * 5)) } } : {}),
  });

  readonly #routing = () => ({ options: this.#pick([null, { durable: false }, { durable: true }]) });

  #ups(): ClusterBranch[] {
    return this.#cluster.branches.filter(({ isUp }) => isUp);
  }

  #up(): ClusterBranch {
    return this.#pick(this.#ups());
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  /** Undefined of none, which the callers that may have none expect. */
  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }
}

/** The workers of a branch, with the project that they were started with, and those that there should be. */
function workersOf({ test: { store, processes } }: ClusterBranch) {
  const projectIn = (words: readonly string[]) => words.find((word) => PROJECTS.includes(word)) ?? null;
  const alive = processes.workers.filter(({ isAlive }) => isAlive);
  const running = alive.map(({ name, options }) => `${name} ${projectIn(options.argv)}`);
  const wanted = store.instances
    .all()
    .map(({ name, app }) => `${name} ${projectIn((store.apps.get(app)?.arguments ?? "").split(" "))}`);
  return { running: running.toSorted(), wanted: wanted.toSorted() };
}

test.each(SEEDS)(
  "five branches agree on apps and queues after kills, partitions, lost messages and wrong clocks (seed %d)",
  async (seed) => {
    await using cluster = new TestCluster();
    for (const [at, id] of ["a", "b", "c", "d", "e"].entries()) await cluster.add(id, (at - 2) * 20 * S);
    const chaos = new Chaos(cluster, seed);
    for (let step = 0; step < STEPS; step++) await chaos.step();
    await chaos.end();
    const [first, ...others] = cluster.branches;
    for (const branch of others) {
      expect(branch.seen).toEqual(first?.seen ?? []);
      expect(branch.life.definitions.digest).toBe(first?.life.definitions.digest ?? "");
    }
    for (const branch of cluster.branches) {
      const { running, wanted } = workersOf(branch);
      expect(running).toEqual(wanted);
      expect(branch.test.store.apps.all().filter(({ isDeleted }) => isDeleted)).toEqual([]);
      expect(branch.logged.filter(({ level }) => level === "ERROR")).toEqual([]);
    }
    // Else it says nothing.
    expect(Math.min(...chaos.done.values())).toBeGreaterThan(1);
    expect(chaos.done.size).toBe(11);
  },
  60_000,
);
