import type { BrokerConnection, BrokerPool } from "../celery/brokers.ts";
import type { Broker } from "../domain/broker.ts";
import type { Halt } from "../domain/rollout.ts";
import { instanceOfWorker, standinName } from "../domain/names.ts";
import type { StartedFor } from "../store/workers.ts";
import type { Log } from "../kit/log.ts";
import { Adopted } from "./adopted.ts";
import { BrokerRounds, type Asked } from "./broker-rounds.ts";
import { findWorkers, type FoundWorkers } from "./found-workers.ts";
import { Keeper, type KeeperParts } from "./keeper.ts";
import { keepRunning } from "./keeping.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Parts } from "./parts.ts";
import { Recycling } from "./recycling.ts";
import { StartLanes, type StartPlaces } from "./start-lanes.ts";
import type { BegunTasks, Status } from "./status.ts";
import { OWN_TURNS, Turns, type SharedTurns } from "./turns.ts";

export interface SupervisorParts extends Parts {
  /** How many workers may start up at the same time, now. */
  readonly startPlaces: () => StartPlaces;
  /** Resolves when `start()` may start workers; without it at once. */
  readonly mayStart?: () => Promise<void>;
  /** Turns of rolling restarts among all branches; without it there is no other. */
  readonly turns?: SharedTurns;
}

const STATUS_MS = 2000;
/** A round is followed by at least this part of an interval without one. */
const LEAST_REST = 5;
const FINISH_LOOK_MS = 50;
/** Without rounds, how often an instance is looked at that somebody waits for. */
const AWAITED_LOOK_MS = 1000;

/**
 * Keeps the workers of this branch as they are wished: at each change, at each exit, and in rounds of two broadcasts per
 * broker. Without `start()` (no daemon) it only does what it is woken for.
 */
export class Supervisor {
  readonly name = "supervisor";
  readonly #parts: SupervisorParts;
  readonly #keeperParts: KeeperParts;
  readonly #starts: StartLanes;
  readonly #log: Log;
  readonly #keepers = new Map<string, Keeper>();
  readonly #adopted: Adopted;
  readonly #recycling: Recycling;
  readonly #brokerRounds = new WeakMap<BrokerConnection["link"], BrokerRounds>();
  readonly #watched = new WeakSet<BrokerConnection["link"]>();
  /** What ends each wait: its timer would keep a stopped process alive. */
  readonly #waits = new Set<() => void>();
  #isStarted = false;
  #isStopped = false;
  #sinceMs: number;
  #isInRound = false;
  #rounds = 0;
  #isRoundDue = false;
  #cancelRound: () => void = () => {};

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#log = parts.log.with({ part: "supervisor" });
    this.#sinceMs = parts.clock.now();
    this.#adopted = new Adopted(parts, (worker) => this.#keepers.get(instanceOfWorker(worker))?.wake());
    this.#recycling = new Recycling({
      ...parts,
      log: this.#log,
      isRunning: (name) => this.#keepers.get(name)?.status?.state === "running",
      wake: (name) => this.wake(name),
    });
    this.#starts = new StartLanes(parts.startPlaces);
    this.#keeperParts = {
      ...parts,
      log: this.#log,
      brokers: { ...bound(parts.brokers), use: (broker) => this.#use(broker) },
      turns: new Turns(parts.turns),
      starts: this.#starts,
      haltRollout: (app, failed) => this.#haltRollout(app, failed),
    };
  }

  /** Takes over the workers that live, and begins the rounds. */
  start(): void {
    const { store, processes, settings } = this.#parts;
    this.#isStarted = true;
    this.#holdStarts();
    this.#sinceMs = this.#parts.clock.now();
    const found = findWorkers(processes, settings.instanceDir);
    const names = store.instances.all().map(({ name }) => name);
    const keepers = names.map((name) => this.#addKeeper(name, "branch", found.get(name)));
    for (const keeper of keepers) keeper.resumeTurn();
    for (const keeper of keepers) keeper.wake();
    this.removeEmptyApps();
    this.#roundIn(this.#parts.settings.intervalMs);
    this.#recycling.start();
  }

  /** Workers that live are taken over meanwhile. */
  #holdStarts(): void {
    const { mayStart, clock } = this.#parts;
    if (!mayStart) return;
    const open = this.#starts.close();
    void mayStart().then(() => {
      // A turn later: where this branch must not run, it is stopped by then.
      clock.after(0, () => {
        if (!this.#isStopped) open();
      });
    });
  }

  /** Ends the looking; workers stay. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRound();
    this.#adopted.stop();
    this.#recycling.stop();
    for (const giveUp of this.#waits) giveUp();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.stop()));
    this.#keeperParts.turns.stop();
  }

  /** Waits until nothing is begun that would stay half done after `stop()`. For where no daemon runs. */
  async finish(): Promise<void> {
    const isBusy = () => [...this.#keepers.values()].some((keeper) => keeper.isBusy);
    while (isBusy()) await this.#parts.clock.sleep(FINISH_LOOK_MS);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** When it was made or, later, started. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** How many rounds have ended: grows as long as it works. */
  get rounds(): number {
    return this.#rounds;
  }

  /** The wish for an instance changed. `startFor` says who asked for a start, where one follows. */
  wake(name: string, startFor?: StartedFor): void {
    if (this.#isStopped) return;
    const keeper = this.#keepers.get(name) ?? this.#addKeeper(name, startFor ?? "people");
    keeper.wake(startFor);
  }

  /** What is known of an instance now. */
  async status(name: string): Promise<Status | "gone"> {
    if (!this.#isStarted) return new Keeper(name, "people", this.#keeperParts).inspect();
    return this.#keepers.get(name)?.status ?? (await this.until(name, (status) => status, STATUS_MS)) ?? "gone";
  }

  /** What was last seen of an instance, without a look: the same object until the next one. Undefined where none was there yet. */
  seen(name: string): Status | undefined {
    return this.#keepers.get(name)?.status;
  }

  /** What the worker of an instance last said of the tasks that it began. */
  begun(name: string): BegunTasks | undefined {
    return this.#keepers.get(name)?.begun;
  }

  /**
   * Waits until `check` returns something else than undefined for what is seen from now on (what was seen before may be
   * older than the change that the caller waits for). Resolves to undefined after `timeoutMs`, or when the supervisor is
   * stopped; rejects with what `check` throws.
   */
  until<T>(name: string, check: (status: Status | "gone") => T | undefined, timeoutMs: number): Promise<T | undefined> {
    if (this.#isStopped) return Promise.resolve(undefined);
    const keeper = this.#keepers.get(name) ?? this.#addKeeper(name, "people");
    const firstPass = keeper.nextPass;
    return new Promise((resolve, reject) => {
      const stopLooking = this.#isStarted ? () => {} : this.#lookEvery(AWAITED_LOOK_MS, keeper);
      const end = () => {
        cancel();
        stopLooking();
        unsubscribe();
        this.#waits.delete(giveUp);
      };
      const giveUp = () => {
        end();
        resolve(undefined);
      };
      const cancel = this.#parts.clock.after(timeoutMs, giveUp);
      this.#waits.add(giveUp);
      const unsubscribe = keeper.onStatus((status, pass) => {
        if (pass < firstPass) return;
        try {
          const result = check(status);
          if (result === undefined) return;
          end();
          resolve(result);
        } catch (error) {
          end();
          reject(error);
        }
      });
      keeper.wake();
    });
  }

  #lookEvery(ms: number, keeper: Keeper): () => void {
    let cancel = () => {};
    const look = () => {
      keeper.wake();
      cancel = this.#parts.clock.after(ms, look);
    };
    cancel = this.#parts.clock.after(ms, look);
    return () => cancel();
  }

  #addKeeper(name: string, startFor: StartedFor, found: FoundWorkers = {}): Keeper {
    const keeper = new Keeper(name, startFor, this.#keeperParts);
    this.#keepers.set(name, keeper);
    keeper.onStatus((status) => {
      if (status !== "gone") return;
      // After the other listeners, which were promised to hear of it.
      queueMicrotask(() => {
        if (this.#keepers.get(name) !== keeper || this.#parts.store.instances.get(name)) return;
        this.#keepers.delete(name);
        for (const worker of [name, standinName(name)]) this.#adopted.remove(worker);
        void keeper.stop();
        this.#tryRemoveEmptyApps();
      });
    });
    keeper.takeOver(found);
    for (const [worker, id] of keeper.livingProcesses) this.#adopted.add(worker, id);
    return keeper;
  }

  // --- rounds ---

  #roundIn(ms: number): void {
    if (this.#isStopped) return;
    this.#cancelRound();
    this.#cancelRound = this.#parts.clock.after(ms, () => void this.#round());
  }

  /** A broker came back: ask now, in one broadcast for all its workers. */
  #roundSoon(): void {
    if (!this.#isInRound) this.#roundIn(0);
    else this.#isRoundDue = true;
  }

  async #round(): Promise<void> {
    const { clock, settings } = this.#parts;
    const beganMs = clock.now();
    this.#isInRound = true;
    this.#isRoundDue = false;
    try {
      await this.#askAll();
      await removeLeftovers(this.#keeperParts);
      this.removeEmptyApps();
    } catch (error) {
      this.#log.error("a round failed", { error });
    }
    this.#isInRound = false;
    this.#rounds++;
    // From beginning to beginning, so that who is silent does not keep the others waiting.
    const tookMs = Math.max(0, clock.now() - beganMs);
    const restMs = Math.max(settings.intervalMs - tookMs, settings.intervalMs / LEAST_REST);
    this.#roundIn(this.#isRoundDue ? 0 : restMs);
  }

  async #askAll(): Promise<void> {
    const { brokers, settings } = this.#parts;
    const groups = this.#nodesByBroker();
    brokers.keepOnly([settings.defaultBroker, ...groups.map(({ broker }) => broker)]);
    await Promise.all(groups.map(({ broker, nodes }) => this.#roundsOn(this.#use(broker)).round(nodes)));
  }

  /** Whom to ask on each broker: workers that are to answer. Those that start are asked by their keepers too, more often. */
  #nodesByBroker(): NodeGroup[] {
    const { store } = this.#parts;
    const groups = new Map<Broker, NodeGroup>();
    const groupOf = (broker: Broker) => {
      const group = groups.get(broker) ?? { broker, nodes: new Map<string, Asked>() };
      groups.set(broker, group);
      return group;
    };
    for (const { name, broker } of store.instances.brokers()) {
      const row = store.workers.get(name);
      const keeper = this.#keepers.get(name);
      if (broker) groupOf(broker);
      // In use as long as the worker lives, also while it stops.
      const group = row.brokerId === null ? undefined : groupOf(store.brokers.get(row.brokerId));
      const isAsked = row.pid !== null && row.termSentAtMs === null;
      if (keeper && group && isAsked && row.node !== null) group.nodes.set(row.node, { keeper, row });
      else keeper?.wake();
    }
    for (const { broker } of store.apps.all()) if (broker) groupOf(broker);
    for (const { broker } of store.leftovers.all()) groupOf(broker);
    return [...groups.values()];
  }

  #roundsOn(connection: BrokerConnection): BrokerRounds {
    const rounds = this.#brokerRounds.get(connection.link) ?? new BrokerRounds(connection, this.#parts);
    this.#brokerRounds.set(connection.link, rounds);
    return rounds;
  }

  /** A broker that comes back is asked at once; one that goes changes what is known of every worker on it. */
  #use(broker: Broker): BrokerConnection {
    const connection = this.#parts.brokers.use(broker);
    const { link } = connection;
    if (this.#watched.has(link)) return connection;
    this.#watched.add(link);
    link.onState(({ is }) => {
      if (is === "up" && this.#isStarted) this.#roundSoon();
      else for (const keeper of this.#keepers.values()) keeper.wake();
    });
    connection.control.onReply((node) => this.#keepers.get(node.slice(0, node.lastIndexOf("@")))?.heard());
    return connection;
  }

  // --- what deletions leave to do ---

  #tryRemoveEmptyApps(): void {
    try {
      this.removeEmptyApps();
    } catch (error) {
      // The next round tries again.
      this.#log.error("cannot end the deletion of an app", { error });
    }
  }

  /** Ends the deletion of apps whose instances are gone. */
  removeEmptyApps(): void {
    const { store } = this.#parts;
    if (!store.apps.all().some(({ isDeleted }) => isDeleted)) return;
    store.write(() => {
      for (const { name, isDeleted } of store.apps.all()) {
        if (!isDeleted || store.instances.ofApp(name).length > 0) continue;
        for (const queue of store.queues.names(name)) store.queues.remove(name, queue);
        store.apps.remove(name);
        store.halts.remove(name);
        this.#log.info("app deleted", { app: name });
      }
    });
  }

  #haltRollout(app: string, failed: string): void {
    const { store, turns = OWN_TURNS } = this.#parts;
    const halt = { app, failed, upTo: store.definitions.latestOf(app) };
    this.keep(halt);
    turns.halted(halt);
  }

  /** A rolling restart was halted, here or on another branch: those that were not restarted yet keep what they run. */
  keep(halt: Halt): void {
    if (this.#isStopped) return;
    this.#parts.store.write(() => this.#parts.store.halts.put(halt));
    for (const name of keepRunning(this.#parts, halt)) {
      this.#keeperParts.turns.release(halt.app, name);
      this.wake(name);
    }
  }
}

interface NodeGroup {
  readonly broker: Broker;
  /** By node name. */
  readonly nodes: Map<string, Asked>;
}

/** The methods of a class instance as an object that can be spread. */
function bound(brokers: BrokerPool): BrokerPool {
  return {
    use: (broker) => brokers.use(broker),
    keepOnly: (kept) => brokers.keepOnly(kept),
    inUse: () => brokers.inUse(),
    stop: (deadlineMs) => brokers.stop(deadlineMs),
  };
}
