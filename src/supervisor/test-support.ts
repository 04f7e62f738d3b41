import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerConnection, BrokerPool } from "../celery/brokers.ts";
import { WORKER_VARIABLE } from "../celery/command-line.ts";
import type { Control, Gathered } from "../celery/control.ts";
import type { App } from "../domain/app.ts";
import type { Broker } from "../domain/broker.ts";
import { newInstance, type Instance, type InstanceChange } from "../domain/instance.ts";
import { NO_LAUNCH } from "../domain/launch.ts";
import { parseRate } from "../domain/rate.ts";
import { AmqpAway, AmqpRefused, type AMQPChannel, type Link, type LinkState } from "../kit/amqp.ts";
import { ManualClock, type Clock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";
import {
  NoRoomError,
  SpawnError,
  type Exit,
  type ProcessId,
  type Processes,
  type SpawnOptions,
  type Vitals,
} from "../kit/processes.ts";
import { Store } from "../store/store.ts";
import type { SupervisorSettings } from "./settings.ts";
import type { Status } from "./status.ts";
import { Supervisor } from "./supervisor.ts";
import { OWN_TURNS, type SharedTurns } from "./turns.ts";

/** A Celery worker as far as its supervisor sees it: a process that answers to remote control. */
export interface FakeWorker {
  readonly id: ProcessId;
  readonly options: SpawnOptions;
  readonly name: string;
  readonly node: string;
  readonly queues: Set<string>;
  bounds: { max: number; min: number } | null;
  /** Of its pool, where it scales. */
  processes: number;
  /** That it has and has not done, and that it ever began. */
  tasks: number;
  begunTasks: number;
  /** Lists its queues and consumes from none. */
  isDeafToQueues: boolean;
  /** Whether it consumes again once it is told to. */
  hearsWhenTold: boolean;
  /** Answers nothing, as one that starts or hangs. */
  isMute: boolean;
  /** Goes on after TERM, as one with a long task. */
  isBusy: boolean;
  isAlive: boolean;
  /** Bytes that its session uses. */
  memory: number;
  /** What the kernel tells of it: it waits for messages, unless a test says otherwise. */
  vitals: Vitals;
}

const AWAITING: Vitals = { isStopped: false, isAsleep: true, cpuMs: 0, waitsIn: "do_epoll_wait", pollers: 1 };

const CLEAN: Exit = { code: 0, signal: null };
const KILLED: Exit = { code: null, signal: "SIGKILL" };

/** An operating system that starts fake workers. All that was done to them is in `did`, as `TERM web`. */
export class FakeProcesses implements Processes {
  readonly workers: FakeWorker[] = [];
  readonly did: string[] = [];
  /** What the next starts are like. */
  next: { isMute?: boolean; isBusy?: boolean; error?: string; noRoom?: string; dies?: Exit; memory?: number } = {};
  #exits = new Map<number, (exit: Exit) => void>();

  spawn(options: SpawnOptions): ProcessId {
    if (this.next.error !== undefined) throw new SpawnError(this.next.error);
    if (this.next.noRoom !== undefined) throw new NoRoomError(this.next.noRoom);
    const word = (start: string) => options.argv.find((arg) => arg.startsWith(start))?.slice(start.length);
    const node = word("--hostname=") ?? "";
    const [max, min] = (word("--autoscale=") ?? "").split(",").map(Number);
    const pid = 1000 + this.workers.length;
    const worker: FakeWorker = {
      id: { pid, startTicks: pid * 10, bootId: "this boot" },
      options,
      name: node.split("@")[0] ?? "",
      node,
      queues: new Set((word("--queues=") ?? "").split(",")),
      bounds: max !== undefined && min !== undefined ? { max, min } : null,
      processes: min ?? 1,
      tasks: 0,
      begunTasks: 0,
      isDeafToQueues: false,
      hearsWhenTold: false,
      isMute: this.next.isMute ?? false,
      isBusy: this.next.isBusy ?? false,
      isAlive: true,
      memory: this.next.memory ?? 0,
      vitals: AWAITING,
    };
    this.workers.push(worker);
    this.#exits.set(pid, options.onExit);
    this.did.push(`start ${worker.name}`);
    const { dies } = this.next;
    if (dies) queueMicrotask(() => this.end(worker, dies));
    return worker.id;
  }

  /** Nothing can be watched here: what is no child is looked for. */
  watchExit(): undefined {}

  isAlive(id: ProcessId): boolean {
    return this.#find(id) !== undefined;
  }

  vitals(id: ProcessId): Vitals | undefined {
    return this.#find(id)?.vitals;
  }

  signal(id: ProcessId, signal: NodeJS.Signals): boolean {
    const worker = this.#find(id);
    if (!worker) return false;
    this.did.push(`${signal.slice(3)} ${worker.name}`);
    if (signal === "SIGTERM" && !worker.isBusy) queueMicrotask(() => this.end(worker, CLEAN));
    return true;
  }

  killSession(leader: ProcessId): number {
    const worker = this.#find(leader);
    if (!worker) return 0;
    this.did.push(`KILL ${worker.name}`);
    this.end(worker, KILLED);
    return 1;
  }

  async sessionMemory(leaders: readonly ProcessId[]): Promise<Map<number, number>> {
    const found = leaders.flatMap((id) => this.#find(id) ?? []);
    return new Map(found.map(({ id, memory }) => [id.pid, memory]));
  }

  leadersWith(name: string): Map<string, ProcessId & { readonly argv: readonly string[] }> {
    const alive = this.workers.filter((worker) => worker.isAlive);
    return new Map(alive.map(({ id, options }) => [options.env[name] ?? "", { ...id, argv: options.argv }]));
  }

  /** The worker of an instance that lives; throws where there is none, or more than one, which must never be. */
  worker(name: string): FakeWorker {
    const [worker, ...more] = this.workers.filter((one) => one.name === name && one.isAlive);
    if (!worker) throw new Error(`no worker of ${name} lives`);
    if (more.length > 0) throw new Error(`${more.length + 1} workers of ${name} live`);
    return worker;
  }

  starts(name: string): number {
    return this.workers.filter((worker) => worker.name === name).length;
  }

  end(worker: FakeWorker, exit: Exit): void {
    if (!worker.isAlive) return;
    worker.isAlive = false;
    this.#exits.get(worker.id.pid)?.(exit);
  }

  /** The branch ended: whoever is left is nobody's child, and its exit is told to nobody. */
  orphan(): void {
    this.#exits.clear();
  }

  #find({ pid, startTicks, bootId }: ProcessId): FakeWorker | undefined {
    return this.workers.find(
      ({ id, isAlive }) => isAlive && id.pid === pid && id.startTicks === startTicks && id.bootId === bootId,
    );
  }
}

/** A broker that comes and goes, with the workers on it. What was asked of it is in `did`. */
export class FakeBroker implements BrokerConnection, Link, Control {
  readonly broker: Broker;
  readonly link: Link = this;
  readonly control: Control = this;
  readonly did: string[] = [];
  /** Queues that it refuses to declare, with its words. */
  readonly refuses = new Map<string, string>();
  /** Takes messages and delivers none, as a broker that is stuck. */
  isDeaf = false;
  /** Consumers and messages of its queues, where a test says so; by name. */
  readonly counts = new Map<string, { messages: number; consumers: number }>();
  readonly #clock: Clock;
  readonly #processes: FakeProcesses;
  readonly #stateListeners = new Set<(state: LinkState) => void>();
  readonly #replyListeners = new Set<(node: string) => void>();
  #state: LinkState;

  constructor(broker: Broker, clock: Clock, processes: FakeProcesses) {
    this.broker = broker;
    this.#clock = clock;
    this.#processes = processes;
    this.#state = { is: "up", sinceMs: clock.now() };
  }

  get state(): LinkState {
    return this.#state;
  }

  goAway(refused = false): void {
    this.#change({ is: "away", sinceMs: this.#clock.now(), reason: "it is switched off", refused });
  }

  comeBack(): void {
    this.#change({ is: "up", sinceMs: this.#clock.now() });
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  whenUp(timeoutMs: number): Promise<void> {
    if (this.#state.is === "up") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancel();
        unsubscribe();
        settle();
      };
      const cancel = this.#clock.after(timeoutMs, () => end(() => reject(new AmqpAway("it is switched off"))));
      const unsubscribe = this.onState(({ is }) => (is === "up" ? end(resolve) : undefined));
    });
  }

  async withChannel<T>(work: (channel: AMQPChannel) => Promise<T>): Promise<T> {
    if (this.#state.is !== "up") throw new AmqpAway("it is switched off");
    return work(this.#channel as unknown as AMQPChannel);
  }

  async ask(
    method: string,
    args: Record<string, unknown>,
    nodes: readonly string[],
    timeoutMs: number,
  ): Promise<Gathered> {
    if (this.#state.is !== "up") throw new AmqpAway("it is switched off");
    this.did.push(`${method} ${nodes.join(",")}`);
    const replies = new Map<string, unknown>();
    for (const node of nodes) {
      const worker = this.#processes.workers.find((one) => one.isAlive && one.node === node && !one.isMute);
      if (!worker) continue;
      replies.set(node, answer(worker, method, args));
      for (const listener of this.#replyListeners) listener(node);
    }
    const silent = nodes.filter((node) => !replies.has(node));
    if (silent.length > 0) await this.#clock.sleep(timeoutMs);
    return { replies, silent };
  }

  async echo(timeoutMs: number): Promise<boolean> {
    if (this.#state.is !== "up") return false;
    if (this.isDeaf) await this.#clock.sleep(timeoutMs);
    return !this.isDeaf;
  }

  cast(): Promise<void> {
    throw new Error("the supervisor waits for answers");
  }

  onReply(listener: (node: string) => void): () => void {
    this.#replyListeners.add(listener);
    return () => this.#replyListeners.delete(listener);
  }

  /** A worker was heard by somebody else's question. */
  hear(node: string): void {
    for (const listener of this.#replyListeners) listener(node);
  }

  readonly #channel = {
    exchangeDeclare: async (name: string) => void this.did.push(`declare exchange ${name}`),
    queueDeclare: async (name: string, { passive = false }: { passive?: boolean } = {}) => {
      const words = this.refuses.get(name);
      if (words !== undefined) throw new AmqpRefused(406, words);
      if (passive) return { name, ...this.#count(name) };
      this.did.push(`declare queue ${name}`);
      return { name, messageCount: 0, consumerCount: 0 };
    },
    queueBind: async (name: string) => void this.did.push(`bind queue ${name}`),
    queueDelete: async (name: string) => void this.did.push(`delete queue ${name}`),
    exchangeDelete: async (name: string) => void this.did.push(`delete exchange ${name}`),
  };

  #count(queue: string): { messageCount: number; consumerCount: number } {
    const consuming = this.#processes.workers.filter(
      (one) => one.isAlive && !one.isDeafToQueues && one.queues.has(queue),
    );
    const { messages, consumers } = this.counts.get(queue) ?? { messages: 0, consumers: consuming.length };
    return { messageCount: messages, consumerCount: consumers };
  }

  #change(state: LinkState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

/** What Celery answers; it answers before it acts, but so soon that nobody sees the difference. */
function answer(worker: FakeWorker, method: string, args: Record<string, unknown>): unknown {
  switch (method) {
    case "active_queues":
      return [...worker.queues].map((name) => ({ name }));
    case "stats":
      return {
        autoscaler: worker.bounds && { ...worker.bounds, current: worker.processes, qty: worker.tasks },
        total: { "work.add": worker.begunTasks },
      };
    case "active":
    case "reserved":
    case "scheduled":
      return method === "active" ? Array.from({ length: worker.tasks }, () => ({})) : [];
    case "add_consumer":
      worker.queues.add(String(args["queue"]));
      if (worker.hearsWhenTold) worker.isDeafToQueues = false;
      return { ok: "add consumer" };
    case "cancel_consumer":
      worker.queues.delete(String(args["queue"]));
      return { ok: "no longer consuming" };
    case "autoscale":
      worker.bounds = { max: Number(args["max"]), min: Number(args["min"]) };
      // As Celery: a lower max ends processes and a higher min begins some; a lower min does nothing.
      worker.processes = Math.max(worker.bounds.min, Math.min(worker.bounds.max, worker.processes));
      return { ok: "autoscale now" };
    default:
      throw new Error(`the fake worker knows no ${method}`);
  }
}

class FakeBrokers implements BrokerPool {
  readonly #byVhost = new Map<string, FakeBroker>();
  readonly #open: (broker: Broker) => FakeBroker;
  kept: string[] = [];

  constructor(open: (broker: Broker) => FakeBroker) {
    this.#open = open;
  }

  use(broker: Broker): FakeBroker {
    const known = this.#byVhost.get(broker.virtualHost) ?? this.#open(broker);
    this.#byVhost.set(broker.virtualHost, known);
    return known;
  }

  keepOnly(brokers: readonly Broker[]): void {
    this.kept = [...new Set(brokers.map(({ virtualHost }) => virtualHost))].toSorted();
  }

  inUse(): FakeBroker[] {
    return [...this.#byVhost.values()];
  }

  async stop(): Promise<void> {}
}

const BROKER: Broker = {
  scheme: "amqp",
  hostname: "127.0.0.1",
  port: 5672,
  userid: "me",
  password: "hush",
  virtualHost: "/",
};

export interface BranchSettings extends Partial<Omit<SupervisorSettings, "restartMaxRate">> {
  readonly restartMaxRate?: string;
  readonly maxStarting?: number;
  /** Of several branches in one test. */
  readonly clock?: ManualClock;
  /** Without it, as a command that works on the directory of a branch that does not run. */
  readonly isDaemon?: boolean;
}

/** A branch without its outside: a real store, a clock that the test moves, fake workers and brokers, and the app `shop`. */
export class TestBranch {
  readonly clock: ManualClock;
  readonly store = new Store(":memory:");
  readonly processes = new FakeProcesses();
  readonly brokers = new FakeBrokers((broker) => new FakeBroker(broker, this.clock, this.processes));
  readonly instanceDir = mkdtempSync(join(tmpdir(), "cyme-branch-"));
  readonly #settings: SupervisorSettings;
  readonly #maxStarting: number;
  /** Turns among branches, where the test has several. */
  turns: SharedTurns = OWN_TURNS;
  supervisor: Supervisor;

  constructor(given: BranchSettings = {}) {
    const { restartMaxRate = "1/m", maxStarting = 8, isDaemon = true, clock = new ManualClock(), ...settings } = given;
    this.clock = clock;
    const rate = parseRate(restartMaxRate);
    if (!rate) throw new Error(`${restartMaxRate} is no rate`);
    this.#maxStarting = maxStarting;
    this.#settings = {
      branchId: "b1",
      instanceDir: this.instanceDir,
      webhookDir: join(this.instanceDir, "branch.python"),
      defaultBroker: BROKER,
      defaultCommand: "celery",
      intervalMs: 5000,
      restartMaxRate: rate,
      retryDisabledMs: 0,
      waitAfterBrokerRevivedMs: 35_000,
      unresponsiveAfterMs: 60_000,
      env: {},
      ...settings,
    };
    this.store.apps.put({ ...NO_LAUNCH, name: "shop", isDeleted: false, createdAtMs: 0 });
    this.supervisor = this.#makeSupervisor();
    if (isDaemon) this.supervisor.start();
  }

  /** The default broker. */
  get broker(): FakeBroker {
    return this.brokers.use(BROKER);
  }

  declare(...queues: string[]): void {
    for (const name of queues) {
      this.store.queues.put({
        app: "shop",
        name,
        exchange: name,
        exchangeType: "direct",
        routingKey: name,
        options: null,
        createdAtMs: 0,
      });
    }
  }

  /** As a person adds an instance; it runs afterwards. */
  async add(name: string, change: InstanceChange = {}, app = "shop"): Promise<void> {
    this.store.instances.put(newInstance({ name, app, nowMs: this.clock.now() }, change));
    this.supervisor.wake(name, "people");
    await this.clock.advance(0);
  }

  /** As a person changes its wish. */
  async wish(name: string, fields: Partial<Instance>): Promise<void> {
    this.store.write(() => this.store.instances.put({ ...this.instance(name), ...fields }));
    this.supervisor.wake(name, "people");
    await this.clock.advance(0);
  }

  instance(name: string): Instance {
    const instance = this.store.instances.get(name);
    if (!instance) throw new Error(`no instance ${name}`);
    return instance;
  }

  async status(name: string): Promise<Status> {
    const status = await this.supervisor.status(name);
    if (status === "gone") throw new Error(`${name} is gone`);
    return status;
  }

  /** As kill -9 of its worker does. */
  async die(name: string): Promise<void> {
    this.processes.end(this.processes.worker(name), KILLED);
    await this.clock.advance(0);
  }

  /** What history says that was done, oldest first. */
  history(name: string): string[] {
    return this.store.history
      .of(name)
      .map(({ did }) => did)
      .toReversed();
  }

  /** Ends the branch, as by kill -9, and starts another on the same store; `meanwhile` no branch runs. */
  async restart(meanwhile: () => void = () => {}): Promise<void> {
    await this.#stop();
    this.processes.orphan();
    meanwhile();
    this.supervisor = this.#makeSupervisor();
    this.supervisor.start();
    await this.clock.advance(0);
  }

  /** The variable by which a worker is known: its folder. */
  folder(name: string): string {
    return join(this.instanceDir, name);
  }

  /** A worker that lives, of which nothing was written down: the branch was killed just after its start. */
  startUnnoticed(name: string): FakeWorker {
    mkdirSync(this.folder(name), { recursive: true });
    this.processes.spawn({
      argv: ["celery", "worker", `--hostname=${name}@b1`, `--queues=dq.${name}`, "--autoscale=1,1"],
      cwd: "/",
      env: { [WORKER_VARIABLE]: this.folder(name) },
      logFile: "/dev/null",
      onExit() {},
    });
    return this.processes.worker(name);
  }

  /** The same of a worker that stands in for it. */
  startUnnoticedStandin(name: string): void {
    const folder = this.folder(`${name}~standin`);
    mkdirSync(folder, { recursive: true });
    this.processes.spawn({
      argv: ["celery", "worker", `--hostname=${name}~standin@b1`, `--queues=dq.${name}`, "--autoscale=1,1"],
      cwd: "/",
      env: { [WORKER_VARIABLE]: folder },
      logFile: "/dev/null",
      onExit() {},
    });
  }

  app(name: string): App {
    const app = this.store.apps.get(name);
    if (!app) throw new Error(`no app ${name}`);
    return app;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.store.close();
    rmSync(this.instanceDir, { recursive: true, force: true });
  }

  /** What was just asked of a silent worker is waited for, so the clock has to move. */
  async #stop(): Promise<void> {
    const stop = { isDone: false };
    const stopping = this.supervisor.stop().then(() => (stop.isDone = true));
    await this.clock.advance(0);
    while (!stop.isDone) await this.clock.advance(100);
    await stopping;
  }

  #makeSupervisor(): Supervisor {
    const { store, processes, brokers, clock } = this;
    return new Supervisor({
      store,
      processes,
      brokers,
      clock,
      log: silentLog,
      settings: this.#settings,
      startPlaces: () => ({ most: this.#maxStarting, now: this.#maxStarting }),
      turns: {
        enter: (app, wake) => this.turns.enter(app, wake),
        halted: (halt) => this.turns.halted(halt),
      },
    });
  }
}
