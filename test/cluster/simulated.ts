import type { Bus, BusOptions } from "../../src/bus/bus.ts";
import { Claims } from "../../src/cluster/claims.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import { Definitions } from "../../src/cluster/definitions.ts";
import { Owners } from "../../src/cluster/owners.ts";
import { Rollouts } from "../../src/cluster/rollouts.ts";
import { Controller } from "../../src/controller/controller.ts";
import { RemoteDefinitions } from "../../src/controller/remote-definitions.ts";
import { Results } from "../../src/controller/results.ts";
import { FakeTaskBroker } from "../../src/controller/test-support.ts";
import { Api } from "../../src/http/api.ts";
import { ManualClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { TestBranch } from "../../src/supervisor/test-support.ts";
import { OWN_TURNS } from "../../src/supervisor/turns.ts";

/** What was answered to one request. */
export interface Answer {
  readonly status: number;
  /** Parsed where it is JSON. */
  readonly body: unknown;
  /** The branches that the answer names as silent. */
  readonly silent: readonly string[];
}

/** Most that a test waits for an answer, by its clock. */
const PATIENCE_MS = 120_000;
const STEP_MS = 50;

/** What carries the messages of branches, with switches for what may go wrong. */
export interface Network<B extends Bus> {
  /** It ends without a word, and the broker knows. */
  kill(bus: B): void;
  /** It loses its connections to the broker, and both know. */
  cut(bus: B): void;
  mend(bus: B): void;
  /** Nothing is heard of it any more, and the broker does not know. */
  freeze(bus: B): void;
  thaw(bus: B): void;
  /** Where it can be done: what is sent to it vanishes, though it was taken. */
  lose?(bus: B, isLosing: boolean): void;
  /** All lose their connections. */
  stopBroker(): void;
  startBroker(): void;
}

export interface World<B extends Bus> {
  readonly clock: ManualClock;
  readonly network: Network<B>;
  openBus(options: BusOptions): B;
  /** Lets so much time of the clock go by. */
  pass(ms: number): Promise<void>;
}

type Given = Readonly<Record<string, string>>;
type Question = readonly [branch: string, line: string, json?: unknown, headers?: Given];

/** Whole branches on one bus: real stores, supervisors and APIs, fake workers, a clock that the test moves. */
export class SimulatedCluster<B extends Bus> implements AsyncDisposable {
  readonly world: World<B>;
  readonly network: Network<B>;
  readonly #branches = new Map<string, SimulatedBranch<B>>();

  constructor(world: World<B>) {
    this.world = world;
    this.network = world.network;
  }

  get clock(): ManualClock {
    return this.world.clock;
  }

  async add(id: string): Promise<SimulatedBranch<B>> {
    const branch = this.begin(id);
    // To have its id and hear of the others.
    await this.world.pass(1_000);
    return branch;
  }

  /** A branch that has just been started. */
  begin(id: string): SimulatedBranch<B> {
    const branch = new SimulatedBranch(id, this.world);
    this.#branches.set(id, branch);
    branch.start();
    return branch;
  }

  branch(id: string): SimulatedBranch<B> {
    const branch = this.#branches.get(id);
    if (!branch) throw new Error(`there is no branch ${id}`);
    return branch;
  }

  /** `ask("a", "POST /shop/instances/web/", { pool: "solo" })` asks branch a, and lets time go on until it has answered. */
  async ask(branch: string, line: string, json?: unknown, headers: Given = {}): Promise<Answer> {
    const [answer] = await this.askAll([branch, line, json, headers]);
    if (!answer) throw new Error("one question has one answer");
    return answer;
  }

  /** The same with several questions at once. */
  async askAll(...questions: Question[]): Promise<Answer[]> {
    const done: { answers?: Answer[] } = {};
    const asked = questions.map(([branch, ...question]) => this.branch(branch).ask(...question));
    const all = Promise.all(asked).then((answers) => (done.answers = answers));
    const untilMs = this.clock.now() + PATIENCE_MS;
    await this.world.pass(0);
    while (!done.answers) {
      if (this.clock.now() > untilMs) throw new Error(`no answer to ${questions.map(([, line]) => line).join(", ")}`);
      await this.world.pass(STEP_MS);
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const branch of this.#branches.values()) branch.kill();
    for (const branch of this.#branches.values()) await branch.test[Symbol.asyncDispose]();
  }
}

/** What one start of a branch makes. */
interface Life<B extends Bus> {
  readonly bus: B;
  readonly cluster: Cluster;
  readonly owners: Owners;
  readonly definitions: Definitions;
  readonly controller: Controller;
  readonly results: Results;
  readonly api: Api;
}

export class SimulatedBranch<B extends Bus> {
  readonly id: string;
  readonly test: TestBranch;
  /** Whether it was told to shut down. */
  isShutDown = false;
  /** Whether who asks does so by the socket, and not by a loopback address. */
  isTrusted = true;
  /** Takes the tasks that it sends. */
  readonly taskBroker = new FakeTaskBroker();
  readonly #world: World<B>;
  #life: Life<B> | undefined;
  #restarting: Promise<void> | undefined;

  constructor(id: string, world: World<B>) {
    this.id = id;
    this.#world = world;
    this.test = new TestBranch({ branchId: id, clock: world.clock });
    this.test.store.settings.set("branch_id", id);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get bus(): B {
    return this.#alive().bus;
  }

  start(): void {
    const { test, id } = this;
    const { store, clock, supervisor, brokers, instanceDir, broker } = test;
    const log = silentLog;
    const opened: { bus?: B } = {};
    const cluster = new Cluster({
      store,
      clock,
      log,
      branchId: id,
      openBus: ({ handle, facts }) => {
        const self = { id, key: id, version: "1", facts };
        const onRefused = (why: Error) => {
          throw why;
        };
        return (opened.bus = this.#world.openBus({ self, handle, controllers: 1, clock, log, onRefused }));
      },
    });
    if (!opened.bus) throw new Error("the cluster opened no bus");
    test.turns = new Rollouts({ cluster, store, clock, log, keep: (halt) => supervisor.keep(halt) });
    const owners = new Owners({ store, clock, log, cluster, random: () => 0 });
    const claims = new Claims({ store, clock, cluster, owners, random: () => 0 });
    const results = new Results({ store, clock, log, keptMs: 3_600_000 });
    const { taskBroker } = this;
    const shared = { store, brokers, supervisor, clock, cluster, owners, claims, results, log, nowaitSendMs: 600_000 };
    const own = { instanceDir, branchId: id, defaultBroker: broker.broker, taskBrokers: { use: () => taskBroker } };
    const parts = { ...shared, ...own };
    const definitions = new Definitions({ cluster, store, clock, log, taker: new RemoteDefinitions(parts, log) });
    const identity = () => ({
      id,
      url: `http://${id}:8000`,
      port: 8000,
      version: "1",
      loglevel: "INFO",
      logfile: null,
      numc: 1,
      supIntervalS: 5,
      startedAtMs: 0,
      pid: 1,
    });
    const shutDown = () => void (this.isShutDown = true);
    const controller = new Controller(parts, { identity, shutDown }, definitions);
    owners.onForgotten(() => definitions.takeState());
    const api = new Api({
      controller,
      branchId: id,
      clock,
      log,
      maxBody: 1_000_000,
      guard: { allowedHosts: [], corsOrigin: undefined },
      isOpen: true,
      brokerOf: () => broker.broker,
    });
    controller.elsewhere.serve((request, signal) => api.handleForwarded(request, signal));
    controller.live.serve((question) => api.answerLive(question));
    this.#life = { bus: opened.bus, cluster, owners, definitions, controller, results, api };
    controller.arrivals.start();
    owners.start();
    definitions.start();
    cluster.start();
  }

  /** As kill -9 of its daemon and another start of it. */
  restart(): Promise<void> {
    // Two at once would leave two supervisors.
    this.#restarting ??= this.#restart().finally(() => (this.#restarting = undefined));
    return this.#restarting;
  }

  /** `left` is aborted when who asks leaves. */
  async ask(line: string, json?: unknown, given: Given = {}, left?: AbortSignal): Promise<Answer> {
    const [method = "", path = ""] = line.split(" ");
    const request = new Request(`http://127.0.0.1:8000${path}`, {
      method,
      ...(left && { signal: left }),
      headers: { ...given, ...(json === undefined ? {} : { "content-type": "application/json" }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const { status, headers, ...response } = await this.#answer(request);
    const isJson = headers.get("content-type")?.startsWith("application/json") ?? false;
    const silent = headers.get("x-cyme-silent")?.split(",") ?? [];
    return {
      status,
      body: isJson && response.text !== "" ? (JSON.parse(response.text) as unknown) : response.text,
      silent,
    };
  }

  /** A worker tells of a task that this branch sent. */
  hear(id: string, result: unknown): void {
    this.#alive().results.heard([{ id, state: "SUCCESS", result, error: null }]);
  }

  /** The body of what is answered, as it comes. */
  async open(path: string): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#alive().api.handle(new Request(`http://127.0.0.1:8000${path}`), this.isTrusted);
    if (!body) throw new Error(`${path} is answered without a body`);
    return body;
  }

  /** Names of the instances whose workers run here. */
  get running(): string[] {
    const { workers } = this.test.processes;
    return workers.flatMap(({ name, isAlive }) => (isAlive ? [name] : [])).toSorted();
  }

  /** As kill -9 of its daemon; its workers stay. */
  kill(): void {
    if (!this.#life) return;
    this.#life.owners.stop();
    this.#life.definitions.stop();
    this.#world.network.kill(this.#life.bus);
    this.test.turns = OWN_TURNS;
    this.#life = undefined;
  }

  async #restart(): Promise<void> {
    this.kill();
    await this.test.restart();
    this.start();
  }

  async #answer(request: Request): Promise<{ status: number; headers: Headers; text: string }> {
    const response = await this.#alive().api.handle(request, this.isTrusted);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  #alive(): Life<B> {
    if (!this.#life) throw new Error(`branch ${this.id} is not up`);
    return this.#life;
  }
}
