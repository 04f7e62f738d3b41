import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { MemoryNetwork } from "../../src/bus/memory-network.ts";
import { Claims } from "../../src/cluster/claims.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import { Definitions } from "../../src/cluster/definitions.ts";
import { Owners } from "../../src/cluster/owners.ts";
import { Controller } from "../../src/controller/controller.ts";
import { RemoteDefinitions } from "../../src/controller/remote-definitions.ts";
import { Results } from "../../src/controller/results.ts";
import { FakeTaskBroker } from "../../src/controller/test-support.ts";
import { Api } from "../../src/http/api.ts";
import { ManualClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { TestBranch } from "../../src/supervisor/test-support.ts";

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

/** Whole branches on one bus in memory: real stores, supervisors and APIs, fake workers, a clock that the test moves. */
export class MemoryCluster implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly #branches = new Map<string, MemoryBranch>();

  /** Branches that are up and know each other, and the app `shop` on each. */
  static async of(...ids: string[]): Promise<MemoryCluster> {
    const cluster = new MemoryCluster();
    for (const id of ids) await cluster.add(id);
    return cluster;
  }

  async add(id: string): Promise<MemoryBranch> {
    const branch = this.begin(id);
    // To have its id and hear of the others.
    await this.clock.advance(1_000);
    return branch;
  }

  /** A branch that has just been started. */
  begin(id: string): MemoryBranch {
    const branch = new MemoryBranch(id, this.clock, this.network);
    this.#branches.set(id, branch);
    branch.start();
    return branch;
  }

  branch(id: string): MemoryBranch {
    const branch = this.#branches.get(id);
    if (!branch) throw new Error(`there is no branch ${id}`);
    return branch;
  }

  /** `ask("a", "POST /shop/instances/web/", { pool: "solo" })` asks branch a, and lets time go on until it has answered. */
  async ask(branch: string, line: string, json?: unknown): Promise<Answer> {
    const [answer] = await this.askAll([branch, line, json]);
    if (!answer) throw new Error("one question has one answer");
    return answer;
  }

  /** The same with several questions at once. */
  async askAll(...questions: (readonly [branch: string, line: string, json?: unknown])[]): Promise<Answer[]> {
    const done: { answers?: Answer[] } = {};
    const asked = questions.map(([branch, line, json]) => this.branch(branch).ask(line, json));
    const all = Promise.all(asked).then((answers) => (done.answers = answers));
    const untilMs = this.clock.now() + PATIENCE_MS;
    await this.clock.advance(0);
    while (!done.answers) {
      if (this.clock.now() > untilMs) throw new Error(`no answer to ${questions.map(([, line]) => line).join(", ")}`);
      await this.clock.advance(STEP_MS);
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const branch of this.#branches.values()) branch.kill();
    for (const branch of this.#branches.values()) await branch.test[Symbol.asyncDispose]();
  }
}

/** What one start of a branch makes. */
interface Life {
  readonly bus: MemoryBus;
  readonly cluster: Cluster;
  readonly owners: Owners;
  readonly definitions: Definitions;
  readonly controller: Controller;
  readonly api: Api;
}

export class MemoryBranch {
  readonly id: string;
  readonly test: TestBranch;
  /** Whether it was told to shut down. */
  isShutDown = false;
  readonly #network: MemoryNetwork;
  #life: Life | undefined;

  constructor(id: string, clock: ManualClock, network: MemoryNetwork) {
    this.id = id;
    this.#network = network;
    this.test = new TestBranch({ branchId: id, clock });
    this.test.store.settings.set("branch_id", id);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get bus(): MemoryBus {
    return this.#alive().bus;
  }

  start(): void {
    const { test, id } = this;
    const { store, clock, supervisor, brokers, instanceDir, broker } = test;
    const log = silentLog;
    const opened: { bus?: MemoryBus } = {};
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
        return (opened.bus = new MemoryBus({ self, handle, controllers: 1, log, onRefused }, this.#network));
      },
    });
    if (!opened.bus) throw new Error("the cluster opened no bus");
    const owners = new Owners({ store, clock, log, cluster });
    const claims = new Claims({ store, clock, cluster, owners, random: () => 0 });
    const results = new Results({ store, clock, log, keptMs: 3_600_000 });
    const taskBroker = new FakeTaskBroker();
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
      log,
      maxBody: 1_000_000,
      guard: { allowedHosts: [], corsOrigin: undefined },
      brokerOf: () => broker.broker,
    });
    controller.elsewhere.serve((request, signal) => api.handleForwarded(request, signal));
    this.#life = { bus: opened.bus, cluster, owners, definitions, controller, api };
    owners.start();
    definitions.start();
    cluster.start();
  }

  /** As kill -9 of its daemon and another start of it. */
  async restart(): Promise<void> {
    this.kill();
    await this.test.restart();
    if (!this.#life) this.start();
  }

  async ask(line: string, json?: unknown): Promise<Answer> {
    const [method = "", path = ""] = line.split(" ");
    const request = new Request(`http://127.0.0.1:8000${path}`, {
      method,
      ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { "content-type": "application/json" } }),
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
    this.#network.kill(this.#life.bus);
    this.#life = undefined;
  }

  async #answer(request: Request): Promise<{ status: number; headers: Headers; text: string }> {
    const response = await this.#alive().api.handle(request, true);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  #alive(): Life {
    if (!this.#life) throw new Error(`branch ${this.id} is not up`);
    return this.#life;
  }
}
