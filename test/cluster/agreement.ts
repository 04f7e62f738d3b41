import { expect } from "bun:test";
import type { Bus } from "../../src/bus/bus.ts";
import { seededRandom } from "../../src/kit/test-support.ts";
import type { Answer, SimulatedCluster } from "./simulated.ts";

export const IDS = ["a", "b", "c", "d", "e"];
const NAMES = ["web", "mail", "x", "y", "z", "jobs", "sums", "rest"];
/** Apps that come and go; `shop` stays. */
const PASSING_APPS = ["post", "toys"];
const QUEUES = ["letters", "parcels"];
const MAX_FAULT_MS = 15_000;
/** Of requests: less than any calm, after which none is to be under way. */
const TIMEOUT_S = 20;
/** Who ask for the same at once. */
const SEVERAL = 3;

interface Upheaval {
  readonly seed: number;
  readonly steps: number;
  /** Between two steps. */
  readonly maxPauseMs: number;
  /** Afterwards: longer than any request, heartbeat and round takes. */
  readonly calmMs: number;
}

/** What was answered meanwhile. */
interface Tally {
  readonly statuses: Map<number, number>;
  /** Instances that were confirmed, and that nobody deletes. */
  readonly kept: string[];
}

type Step = () => void;

interface Chaos<B extends Bus> {
  readonly cluster: SimulatedCluster<B>;
  readonly random: () => number;
  readonly onAnswer: (answer: Answer) => void;
}

/** Does at random whatever may happen to branches and between them, and what users ask of them meanwhile; then all is well again. */
export async function upheaval<B extends Bus>(
  cluster: SimulatedCluster<B>,
  { seed, steps, maxPauseMs, calmMs }: Upheaval,
): Promise<Tally> {
  const random = seededRandom(seed);
  const tally: Tally = { statuses: new Map(), kept: [] };
  const chaos: Chaos<B> = { cluster, random, onAnswer: (answer) => note(tally, answer) };
  for (let step = 0; step < steps; step++) {
    randomStep(chaos)();
    await cluster.world.pass(Math.floor(random() * maxPauseMs));
  }
  await heal(cluster);
  await cluster.world.pass(calmMs);
  return tally;
}

function note({ statuses, kept }: Tally, { status, body }: Answer): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const { name = "" } = body as Partial<InstanceAnswer>;
  if (status === 201 && name.startsWith("kept-")) kept.push(name);
}

function randomStep<B extends Bus>(chaos: Chaos<B>): Step {
  const dice = chaos.random();
  if (dice < 0.55) return instanceStep(chaos);
  return dice < 0.74 ? definitionStep(chaos) : fault(chaos);
}

function instanceStep<B extends Bus>(chaos: Chaos<B>): Step {
  const { random } = chaos;
  const { pick, ask } = asker(chaos);
  const app = random() < 0.8 ? "shop" : pick(PASSING_APPS);
  const path = `/${app}/instances/${pick(NAMES)}/`;
  const dice = random();
  if (dice < 0.14) {
    // Several want it at once, each on another branch: none of them alone sees that the name is taken.
    const name = `kept-${Math.floor(random() * 1e9)}`;
    const first = Math.floor(random() * IDS.length);
    const asks = Array.from({ length: SEVERAL }, (_, at) => {
      const branch = IDS[(first + at) % IDS.length];
      return ask(`POST /shop/instances/${name}/`, `branch=${branch}`);
    });
    return () => asks.forEach((one) => one());
  }
  if (dice < 0.42) return ask(`POST ${path}`);
  if (dice < 0.56) return ask(`POST ${path}`, `branch=${pick(IDS)}`);
  if (dice < 0.69) return ask(`DELETE ${path}`);
  if (dice < 0.8) return ask(`PUT ${path}`, "", { max_concurrency: 1 + Math.floor(random() * 4) });
  if (dice < 0.92) return ask(`POST ${path}move/`, `branch=${pick(IDS)}`);
  return ask(`POST ${path}${pick(["disable", "enable", "restart"])}/`);
}

function definitionStep<B extends Bus>(chaos: Chaos<B>): Step {
  const { random } = chaos;
  const { pick, ask } = asker(chaos);
  const passing = pick(PASSING_APPS);
  const app = pick(["shop", ...PASSING_APPS]);
  const queue = `/${app}/queues/${pick(QUEUES)}/`;
  const dice = random();
  if (dice < 0.35) return ask(`PUT /${app}/`, "", { env: { MARK: String(Math.floor(random() * 5)) } });
  if (dice < 0.5) return ask(`DELETE /${passing}/`);
  if (dice < 0.8) return ask(`PUT ${queue}`, "", { options: { durable: random() < 0.5 } });
  return ask(`DELETE ${queue}`);
}

function fault<B extends Bus>(chaos: Chaos<B>): Step {
  const { cluster, random } = chaos;
  const { pick, up } = asker(chaos);
  const target = cluster.branch(pick(IDS));
  const { network, clock } = cluster;
  const forMs = 1_000 + random() * MAX_FAULT_MS;
  const later = (undo: () => void) => void clock.after(forMs, undo);
  const dice = random();
  if (dice < 0.12) return () => (up.length > 2 ? target.kill() : undefined);
  if (dice < 0.46) return () => void target.restart();
  if (!target.isUp) return () => undefined;
  const { bus } = target;
  // By then it may have been killed.
  const ifStill = (undo: () => void) => () => (target.isUp && target.bus === bus ? undo() : undefined);
  if (dice < 0.65) {
    return () => {
      network.cut(bus);
      later(ifStill(() => network.mend(bus)));
    };
  }
  if (dice < 0.77) {
    return () => {
      network.lose?.(bus, true);
      later(ifStill(() => network.lose?.(bus, false)));
    };
  }
  if (dice < 0.95) {
    return () => {
      network.freeze(bus);
      later(ifStill(() => network.thaw(bus)));
    };
  }
  return () => {
    network.stopBroker();
    later(() => network.startBroker());
  };
}

/** Who is asked, and how. */
function asker<B extends Bus>({ cluster, random, onAnswer }: Chaos<B>) {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const up = IDS.filter((id) => cluster.branch(id).isUp);
  const ask = (line: string, query = "", json?: unknown): Step => {
    const through = cluster.branch(pick(up));
    return () => {
      // What a branch was asked that is killed meanwhile, is answered by nobody.
      void through.ask(`${line}?timeout=${TIMEOUT_S}${query && `&${query}`}`, json).then(onAnswer, () => undefined);
    };
  };
  return { pick, up, ask };
}

async function heal<B extends Bus>(cluster: SimulatedCluster<B>): Promise<void> {
  const { network } = cluster;
  network.startBroker();
  for (const id of IDS) {
    const branch = cluster.branch(id);
    if (!branch.isUp) await branch.restart();
    network.thaw(branch.bus);
    network.mend(branch.bus);
    network.lose?.(branch.bus, false);
  }
}

interface InstanceAnswer {
  readonly name: string;
  readonly app: string;
  readonly branch: string;
  readonly state: string;
}

interface AppAnswer {
  readonly name: string;
  readonly env: Readonly<Record<string, string>> | null;
}

/** What one branch says of everything. */
interface View {
  readonly apps: readonly AppAnswer[];
  readonly queues: readonly unknown[];
  readonly instances: readonly InstanceAnswer[];
  readonly silent: readonly string[];
}

async function viewOf<B extends Bus>(cluster: SimulatedCluster<B>, id: string): Promise<View> {
  const names = (await cluster.ask(id, "GET /")).body as string[];
  const ask = (line: (app: string) => string) =>
    cluster.askAll(...names.map((app) => [id, `GET ${line(app)}?detail=1`] as const));
  const apps = await cluster.askAll(...names.map((app) => [id, `GET /${app}/`] as const));
  const queues = await ask((app) => `/${app}/queues/`);
  const instances = await ask((app) => `/${app}/instances/`);
  return {
    apps: apps.map(({ body }) => body as AppAnswer),
    queues: queues.map(({ body }) => body),
    instances: instances.flatMap(({ body }) => (body as InstanceAnswer[]).map(placeOf)),
    silent: [...apps, ...queues, ...instances].flatMap(({ silent }) => silent),
  };
}

/**
 * After an upheaval all branches say the same, each instance has one branch, nothing that was confirmed is lost, and exactly
 * those workers run that are wanted, where they are wanted and as their app wants them.
 */
export async function expectAgreement<B extends Bus>(cluster: SimulatedCluster<B>, tally: Tally): Promise<void> {
  const { statuses, kept } = tally;
  expect([...statuses.keys()].filter((status) => status === 500)).toEqual([]);
  expect(statuses.get(200) ?? 0).toBeGreaterThan(5);
  expect(statuses.get(201) ?? 0).toBeGreaterThan(5);

  const views: View[] = [];
  for (const id of IDS) views.push(await viewOf(cluster, id));
  const [first, ...others] = views;
  if (!first) throw new Error("there are branches");
  for (const other of others) expect(other).toEqual(first);
  expect(first.silent).toEqual([]);

  const { apps, instances } = first;
  const names = instances.map(({ name }) => name);
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  expect(kept.length).toBeGreaterThan(0);
  // Several asked for each at once: one got it.
  expect(kept).toEqual([...new Set(kept)]);
  expect(kept.filter((name) => !names.includes(name))).toEqual([]);

  const markOf = (app: string) => apps.find(({ name }) => name === app)?.env?.["MARK"] ?? "none";
  const wanted = instances
    .filter(({ state }) => state !== "disabled")
    .map(({ name, app, branch }) => `${name} on ${branch}, mark ${markOf(app)}`);
  const running = IDS.flatMap((id) =>
    cluster
      .branch(id)
      .test.processes.workers.filter(({ isAlive }) => isAlive)
      .map(({ name, options }) => `${name} on ${id}, mark ${options.env["MARK"] ?? "none"}`),
  );
  expect(running.toSorted()).toEqual(wanted.toSorted());
}

const placeOf = ({ name, app, branch, state }: InstanceAnswer): InstanceAnswer => ({ name, app, branch, state });
