import { MemoryBus } from "../bus/memory-bus.ts";
import { MemoryNetwork } from "../bus/memory-network.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Definitions } from "../cluster/definitions.ts";
import { ManualClock, type Clock } from "../kit/clock.ts";
import type { Fields, Log } from "../kit/log.ts";
import { TestBranch } from "../supervisor/test-support.ts";
import { Accounts } from "./accounts.ts";
import { Apps } from "./apps.ts";
import { Passwords } from "./passwords.ts";
import { Queues } from "./queues.ts";
import { RemoteDefinitions } from "./remote-definitions.ts";

/** Long enough for branches to find each other, and each difference. */
const CALM_MS = 20_000;

/** Branches on one bus in memory, as far as their apps and queues go: real stores and supervisors, fake workers. */
export class TestCluster implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly branches: ClusterBranch[] = [];

  /** A branch that is up; `skewMs` is how far its clock is ahead. */
  async add(id: string, skewMs = 0): Promise<ClusterBranch> {
    const branch = new ClusterBranch(this.network, this.clock, id, skewMs);
    this.branches.push(branch);
    branch.start();
    await this.clock.advance(1000);
    return branch;
  }

  /** Time goes by that nobody lives through: only clocks say so. */
  jump(ms: number): void {
    for (const branch of this.branches) branch.skewMs += ms;
  }

  /** Lets all branches say what they have to say. */
  async calm(): Promise<void> {
    await this.clock.advance(CALM_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const branch of this.branches) branch.kill();
    for (const { test } of this.branches) await test[Symbol.asyncDispose]();
  }
}

/** What one start of a branch makes. */
interface Life {
  readonly bus: MemoryBus;
  readonly cluster: Cluster;
  readonly definitions: Definitions;
  readonly apps: Apps;
  readonly queues: Queues;
  readonly accounts: Accounts;
}

export class ClusterBranch {
  readonly id: string;
  readonly test: TestBranch;
  readonly logged: { readonly level: string; readonly message: string; readonly fields: Fields }[] = [];
  readonly #network: MemoryNetwork;
  readonly #clock: Clock;
  /** How far its clock is ahead. */
  skewMs: number;
  #life: Life | undefined;

  constructor(network: MemoryNetwork, clock: ManualClock, id: string, skewMs: number) {
    this.id = id;
    this.skewMs = skewMs;
    this.#network = network;
    this.#clock = {
      now: () => clock.now() + this.skewMs,
      after: (ms, callback) => clock.after(ms, callback),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
    this.test = new TestBranch({ branchId: id, clock });
    this.test.store.settings.set("branch_id", id);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get life(): Life {
    if (!this.#life) throw new Error(`branch ${this.id} is not up`);
    return this.#life;
  }

  start(): void {
    const { store, supervisor, brokers, broker } = this.test;
    const log = this.#log();
    const clock = this.#clock;
    const opened: { bus?: MemoryBus } = {};
    const cluster = new Cluster({
      store,
      clock,
      log,
      branchId: this.id,
      openBus: (hooks) => {
        const self = { id: this.id, key: this.id, version: "1", facts: hooks.facts };
        const options = { self, handle: hooks.handle, controllers: 1, log, onRefused: refused };
        return (opened.bus = new MemoryBus(options, this.#network));
      },
    });
    if (!opened.bus) throw new Error("the cluster opened no bus");
    const own = { branchId: this.id, defaultBroker: broker.broker, owners: { refresh: async () => {} } };
    const parts = { store, supervisor, brokers, clock, ...own };
    const definitions = new Definitions({ cluster, store, clock, log, taker: new RemoteDefinitions(parts, log) });
    const apps = new Apps(parts, definitions);
    const queues = new Queues(parts, definitions);
    const accounts = new Accounts({ store, clock, log }, new Passwords(clock), definitions);
    this.#life = { bus: opened.bus, cluster, definitions, apps, queues, accounts };
    cluster.start();
    definitions.start();
  }

  /** As kill -9 of its daemon; its workers stay. */
  kill(): void {
    if (!this.#life) return;
    this.#life.definitions.stop();
    this.#network.kill(this.#life.bus);
    this.#life = undefined;
  }

  /** The changes that it said were lost. */
  get lost(): Fields[] {
    return this.logged.filter(({ message }) => message.startsWith("a change is lost")).map(({ fields }) => fields);
  }

  /** Apps and queues as users see them. */
  get seen() {
    const { store } = this.test;
    return store.apps.names().map((name) => ({ app: store.apps.get(name), queues: store.queues.all(name) }));
  }

  #log(): Log {
    const at =
      (level: string) =>
      (message: string, fields: Fields = {}) =>
        void this.logged.push({ level, message, fields });
    const log: Log = {
      debug: at("DEBUG"),
      info: at("INFO"),
      warning: at("WARNING"),
      error: at("ERROR"),
      critical: at("CRITICAL"),
      with: () => log,
    };
    return log;
  }
}

function refused(why: Error): void {
  throw why;
}
