import type { BrokerConnection } from "../celery/brokers.ts";
import { deleteDirectQueue } from "../celery/topology.ts";
import type { Instance, InstanceState } from "../domain/instance.ts";
import { resolveLaunch, type ResolvedLaunch } from "../domain/launch.ts";
import type { Queue } from "../domain/queue.ts";
import { directQueue, standinName } from "../domain/names.ts";
import { AmqpAway, untilTried } from "../kit/amqp.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { Log } from "../kit/log.ts";
import { NoRoomError, SpawnError, type Exit, type ProcessId } from "../kit/processes.ts";
import type { ProcessRow, StartedFor, WorkerRow } from "../store/workers.ts";
import { correct, directQueueOf, refusal, type Correction } from "./corrections.ts";
import { Drain } from "./drain.ts";
import type { Verdict } from "./death.ts";
import { Deaths, LONGEST_DELAY_MS } from "./deaths.ts";
import { isEnding } from "./ending.ts";
import type { FoundWorkers } from "./found-workers.ts";
import { ownedElsewhere } from "./leftovers.ts";
import type { Finding } from "./consuming.ts";
import type { UnansweredWorker } from "./hearing.ts";
import { Liveness, type RoundReply } from "./liveness.ts";
import type { Parts } from "./parts.ts";
import {
  plan,
  stateOf,
  wantOf,
  type Action,
  type ConsumeAgain,
  type CorrectingAction,
  type Limits,
  type Reply,
} from "./plan.ts";
import { Refusals } from "./refusals.ts";
import { mayStop, needsStandin, planStandin, type SeenRolling, type StandinAction } from "./rolling.ts";
import { Standin } from "./standin.ts";
import type { Lane, StartLanes } from "./start-lanes.ts";
import type { BegunTasks, Failure, Status, StatusListener } from "./status.ts";
import type { Turns } from "./turns.ts";
import { reasonOf } from "./worker-log.ts";
import { ownProcess, type WorkerProcess } from "./worker-process.ts";

export interface KeeperParts extends Parts {
  readonly turns: Turns;
  /** Bounds how many workers start up at the same time. */
  readonly starts: StartLanes;
  /** Called where a rolling restart failed on this instance: the others of its app keep what they run. */
  readonly haltRollout: (app: string, failed: string) => void;
}

interface Wish {
  readonly instance: Instance;
  readonly launch: ResolvedLaunch;
}

const LINK_SETTLES_MS = 1500;
const CORRECT_AGAIN_MS = 30;
const DRAIN_AGAIN_MS = 50;
const FAILED_PASS_MS = 2000;
/** The longest that a slow starter keeps others from starting. */
const START_SLOT_MS = 5000;
/** The same while the broker is away: by then the work of starting is done. */
const BLIND_START_SLOT_MS = 1500;

const STARTED_FOR: Record<StartedFor, string> = {
  people: "asked for",
  branch: "the branch started",
  death: "the one before it died",
  recycling: "the one before it was replaced",
  retry: "it is tried again a while after it was disabled",
};

/**
 * Looks after one instance: look, plan, act, and look again until nothing is left to do. One step at a time, so that
 * nothing is done twice; what wakes it does not matter.
 */
export class Keeper {
  readonly name: string;
  readonly #parts: KeeperParts;
  readonly #process: WorkerProcess<WorkerRow>;
  readonly #standin: Standin;
  readonly #liveness: Liveness;
  readonly #log: Log;
  readonly #listeners = new Set<StatusListener>();
  readonly #refusals: Refusals;
  readonly #deaths: Deaths;
  readonly #ownDrain: Drain;
  readonly #standinDrain: Drain;

  #isStopped = false;
  #isRunning = false;
  #isDirty = false;
  #pass = 0;
  #passes: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;
  #lookAtMs: number | undefined;

  #status: Status | undefined;
  #begun: BegunTasks | undefined;
  #failure: Failure | null = null;
  #failedRestart: Status["failedRestart"] = null;
  #startFor: StartedFor;
  #startNotBeforeMs = 0;
  /** The last start failed since there was no room for another process. */
  #isWaitingForRoom = false;
  /** Whether the last start took long, or came to nothing. */
  #isSlowStarter = false;
  /** Whether this start has had its place for as long as it may. */
  #isSlowStart = false;
  #corrections = 0;
  #killedPid: number | undefined;
  #leaveStarts: (() => void) | undefined;

  constructor(name: string, startFor: StartedFor, parts: KeeperParts) {
    this.name = name;
    this.#startFor = startFor;
    this.#parts = parts;
    this.#process = ownProcess(name, parts);
    this.#standin = new Standin(name, {
      ...parts,
      wake: () => this.wake(),
      record: (did, why, evidence) => this.#record(did, why, evidence),
    });
    this.#liveness = new Liveness(parts, () => this.#process.saysItIsEnding());
    this.#refusals = new Refusals(parts.clock);
    this.#deaths = new Deaths(name, parts);
    this.#ownDrain = new Drain(parts.clock);
    this.#standinDrain = new Drain(parts.clock);
    this.#log = parts.log.with({ instance: name });
  }

  get status(): Status | undefined {
    return this.#status;
  }

  /** What its worker last said of that; undefined where none did. */
  get begun(): BegunTasks | undefined {
    return this.#begun;
  }

  /** The number of the first look that begins after this call. */
  get nextPass(): number {
    return this.#pass + 1;
  }

  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Look again, and do what is to be done. `startFor` says who asked, should that mean a start. */
  wake(startFor?: StartedFor): void {
    if (startFor) {
      this.#startFor = startFor;
      this.#startNotBeforeMs = 0;
      this.#failure = null;
      this.#failedRestart = null;
      this.#refusals.forgetAll();
    }
    this.#isDirty = true;
    if (!this.#isRunning && !this.#isStopped) this.#passes = this.#run();
  }

  /** What a round over all workers heard of this one. */
  roundHeard(heard: RoundReply): void {
    this.#liveness.roundHeard(heard);
    this.wake();
  }

  /** What its process says to a question of a round that its worker left unanswered. */
  unanswered(row: WorkerRow): UnansweredWorker {
    const pool = this.#parts.store.instances.get(this.name)?.pool ?? "prefork";
    const { id } = this.#process.look();
    const worker = { pool, hasAnswered: row.answeredAtMs !== null };
    return { name: this.name, ...this.#liveness.lookAtProcess(id, worker) };
  }

  /** That its worker consumes less than it says, or no longer does. */
  foundConsuming(found: Finding): void {
    if (found.step === "over") return this.#record("mended", found.why, found.evidence);
    this.#liveness.foundNotConsuming(found);
    this.wake();
  }

  /** Whether something was begun that nobody would end after us: a stop, or the start that follows one. */
  get isBusy(): boolean {
    if (!this.#status) return this.#isDirty;
    const { state, pid, standinPid } = this.#status;
    return state === "stopping" || standinPid !== null || (state === "starting" && pid === null);
  }

  /** A sign of life in answer to remote control. */
  heard(): void {
    this.#liveness.heard();
  }

  /** Ends the looking; the worker stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#passes;
    this.#leaveStarts?.();
    this.#standin.leave();
  }

  /**
   * Called once, before the first look of a branch that starts: the worker may live, written down or only found, or have
   * died without a branch to see it, which nobody is blamed for.
   */
  takeOver({ worker: found, standin }: FoundWorkers): void {
    const wish = this.#wish();
    if (!wish) return;
    this.#standin.takeOver(standin, wish.launch.broker);
    const { row, id, isAlive } = this.#process.look();
    if (isAlive) {
      if (this.#startFor === "branch") this.#record("adopted", "the branch started", { pid: row.pid });
      return;
    }
    if (id) {
      this.#process.kill(id);
      const evidence = { pid: id.pid, answered: row.answeredAtMs !== null };
      this.#clearAndRecord("died", "while no branch was running", evidence);
    }
    if (!found) return;
    this.#process.adopt(found, { node: found.node, broker: wish.launch.broker, restartSeq: wish.instance.restartSeq });
    this.#record("adopted", "it was found running", { pid: found.pid });
  }

  /**
   * Also before the first look of a branch that starts: an instance that a rolling restart had just taken keeps its turn, so
   * that no second one of the app is taken while it is away.
   */
  resumeTurn(): void {
    const { instance } = this.#wish() ?? {};
    if (!instance?.isRolling || wantOf(instance) !== "run") return;
    const { row, isAlive } = this.#process.look();
    const isThere = isAlive && row.answeredAtMs !== null && row.termSentAtMs === null;
    if (!isThere || this.#standin.look().isAlive)
      this.#parts.turns.resume(instance.app, instance.name, () => this.wake());
  }

  /** The living processes by the names of the workers, for who watches those that are no children of ours. */
  get livingProcesses(): [worker: string, id: ProcessId][] {
    const own = this.#process.look();
    const standin = this.#standin.look();
    return [
      ...(own.id && own.isAlive ? [[this.name, own.id] as [string, ProcessId]] : []),
      ...(standin.id && standin.isAlive ? [[standinName(this.name), standin.id] as [string, ProcessId]] : []),
    ];
  }

  /** A look without doing anything, for where no daemon runs. */
  async inspect(): Promise<Status | "gone"> {
    const wish = this.#wish();
    if (!wish) return "gone";
    const { row, isAlive } = this.#process.look();
    if (isAlive) {
      const { link } = this.#connection(row, wish.launch);
      await untilTried(link, this.#parts.clock, LINK_SETTLES_MS);
    }
    const standin = this.#standin.look();
    const seen = await this.#see(wish, isAlive ? row : null, standin.isAlive ? standin.row : null);
    const state = stateOf(wish.instance, seen);
    return this.#statusOf(isAlive || state === "disabled" ? state : "stopped", wish, row, seen, false);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      this.#forgetTimer();
      this.#pass++;
      try {
        await this.#step();
      } catch (error) {
        if (!(error instanceof AmqpAway)) this.#log.error("looking after the instance failed", { error });
        // Not at once, even where the pass had more to do: with a full disk each pass fails before it ever waits.
        this.#isDirty = false;
        this.#tellDead();
        this.#lookAgainIn(FAILED_PASS_MS);
      }
    }
    this.#isRunning = false;
  }

  /** A worker that is dead is not shown as running, even while its death cannot be written down. */
  #tellDead(): void {
    const { clock } = this.#parts;
    const before = this.#status;
    if (!before || before.pid === null || this.#process.look().isAlive) return;
    const dead = { pid: null, reply: null, restartSeq: null, isInLine: false } as const;
    this.#publish({ ...before, ...dead, state: "backoff", sinceMs: clock.now() });
  }

  async #step(): Promise<void> {
    const wish = this.#wish();
    if (!wish) {
      this.#parts.starts.forgo(this.name);
      this.#standin.forgoStart();
      return this.#publish("gone");
    }
    const { row, id, isAlive } = this.#process.look();
    if (id && !isAlive) return this.#bury(wish, row, id);
    const standin = this.#standin.look();
    if (standin.id && !standin.isAlive) return this.#buryStandin(wish, standin.row, standin.id);
    if (id) this.#process.keepPidFile(id);
    if (standin.id) this.#standin.keepPidFile(standin.id);
    const seen = await this.#see(wish, isAlive ? row : null, standin.isAlive ? standin.row : null);
    const limits: Limits = {
      stopTimeoutMs: wish.launch.stopTimeoutS * 1000,
      unresponsiveAfterMs: this.#parts.settings.unresponsiveAfterMs,
    };
    const actions = plan(wish.instance, seen, limits);
    const forStandin = planStandin(wish.instance, seen, limits);
    if (actions.length === 0) this.#corrections = 0;
    if (!actions.some((action) => action.do === "start")) this.#parts.starts.forgo(this.name);
    if (!forStandin.some((action) => action.do === "start")) this.#standin.forgoStart();
    this.#giveBackTurn(wish.instance, seen, actions);
    this.#publish(this.#statusOf(stateOf(wish.instance, seen), wish, row, seen, actions.length === 0));
    // Somebody else consumes what this one leaves.
    const isCovered = needsStandin(wish.instance, seen.worker) && seen.isItsTurn;
    if (isCovered && !(await this.#isDrained(this.#ownDrain, wish, row, seen.worker))) return;
    for (const action of actions) await this.#act(action, wish, row, id);
    const isBack = forStandin.some((action) => action.do === "stop") && wantOf(wish.instance) === "run";
    if (isBack && !(await this.#isDrained(this.#standinDrain, wish, standin.row, seen.standin))) return;
    for (const action of forStandin) await this.#actOnStandin(action, wish, standin.row, standin.id);
  }

  /** Whether a worker beside which another one consumes may be stopped; else it is looked at again soon. */
  async #isDrained(
    drain: Drain,
    { launch }: Wish,
    row: ProcessRow,
    seen: { readonly reply: Reply | null } | null,
  ): Promise<boolean> {
    if (row.pid === null || row.node === null || !seen?.reply) return true;
    if (await drain.isDone(row.pid, row.node, seen.reply.queues, this.#connection(row, launch))) return true;
    this.#lookAgainIn(DRAIN_AGAIN_MS);
    return false;
  }

  #wish(): Wish | undefined {
    const { store, settings } = this.#parts;
    const instance = store.instances.get(this.name);
    const app = instance && store.apps.get(instance.app);
    if (!instance || !app) return undefined;
    const defaults = { broker: settings.defaultBroker, command: settings.defaultCommand };
    return { instance, launch: resolveLaunch(instance, app, defaults) };
  }

  async #see({ instance, launch }: Wish, row: WorkerRow | null, standinRow: ProcessRow | null): Promise<SeenRolling> {
    const { clock, turns } = this.#parts;
    const connection = this.#connection(row, launch);
    const isAsked = row?.termSentAtMs === null && wantOf(instance) === "run";
    this.#standin.newRestart(instance.restartSeq);
    const [worker, standin] = await Promise.all([
      row && this.#liveness.look(row, connection, isAsked),
      standinRow && this.#standin.see(standinRow, this.#connection(standinRow, launch)),
    ]);
    if (row?.answeredAtMs === null && worker?.hasAnswered) this.#noteFirstAnswer();
    const isOutdated = worker !== null && worker.restartSeq < instance.restartSeq;
    const mayRestart = () => !instance.isRolling || turns.claim(instance.app, instance.name, () => this.wake());
    const seen = {
      nowMs: clock.now(),
      worker,
      standin,
      hasStandin: standin !== null,
      standinNotBeforeMs: this.#standin.notBeforeMs,
      isBrokerUp: connection.link.state.is === "up",
      startNotBeforeMs: this.#startTime(),
      retryInMs: this.#deaths.retryInMs(instance),
      hasTurn: isOutdated && wantOf(instance) === "run" && mayRestart(),
      refusedQueues: this.#refusals.pending,
    };
    return { ...seen, isItsTurn: mayStop(instance, seen) };
  }

  /** The broker that the worker is on, or the one that it would be started with. */
  #connection(row: ProcessRow | null, launch: ResolvedLaunch): BrokerConnection {
    const { brokers, store } = this.#parts;
    const brokerId = row?.brokerId ?? null;
    return brokers.use(brokerId === null ? launch.broker : store.brokers.get(brokerId));
  }

  /** No start is put off for so long: the clock was set back meanwhile. */
  #startTime(): number {
    if (this.#startNotBeforeMs - this.#parts.clock.now() > LONGEST_DELAY_MS) this.#startNotBeforeMs = 0;
    return this.#startNotBeforeMs;
  }

  #noteFirstAnswer(): void {
    this.#process.noteFirstAnswer();
    this.#closeFiles();
    this.#leaveStarts?.();
    this.#deaths.answered();
    this.#isSlowStarter = this.#isSlowStart;
    this.#failure = null;
    this.#log.info("worker answers");
  }

  // --- acting ---

  async #act(action: Action, wish: Wish, row: WorkerRow, id: ProcessId | undefined): Promise<void> {
    switch (action.do) {
      case "start":
        return this.#start(wish);
      case "look again":
        return this.#lookAgainIn(action.inMs);
      case "terminate":
        return id && this.#terminate(action, wish, row, id);
      case "kill":
        if (!id) return;
        // A killed process needs a moment to end, and may be looked at meanwhile: once is enough to tell.
        if (this.#killedPid !== id.pid) {
          this.#record("killed", `it did not end within ${wish.launch.stopTimeoutS} s`, { pid: id.pid });
        }
        this.#killedPid = id.pid;
        return this.#process.kill(id);
      case "forget":
        return this.#forget(wish);
      case "enable":
        return this.#enable(wish.instance);
      case "consume":
      case "cancel":
      case "scale":
      case "consume again":
        return this.#correct(action, wish, row);
      default:
        return action satisfies never;
    }
  }

  async #actOnStandin(action: StandinAction, wish: Wish, row: ProcessRow, id: ProcessId | undefined): Promise<void> {
    switch (action.do) {
      case "start":
        return this.#startStandin(wish);
      case "look again":
        return this.#lookAgainIn(action.inMs);
      case "stop":
        if (id) await this.#standin.stop(id, action.why, row, this.#connection(row, wish.launch));
        this.#isDirty = true;
        return;
      case "kill":
        return id && this.#standin.kill(id);
      case "give up":
        return this.#giveUpRestart(wish, { why: action.why, log: [] });
      case "consume":
      case "cancel":
      case "scale":
        return this.#correct(action, wish, row);
      default:
        return action satisfies never;
    }
  }

  async #terminate(
    { reason, why, evidence }: Extract<Action, { do: "terminate" }>,
    { launch }: Wish,
    row: WorkerRow,
    id: ProcessId,
  ): Promise<void> {
    const { clock } = this.#parts;
    const connection = this.#connection(row, launch);
    const isTold = reason === "somebody else" || (await isEnding(this.#process, row, connection, clock));
    this.#record("stopping", why, { pid: id.pid, ...evidence });
    this.#process.terminate(id, reason, isTold);
    this.#isDirty = true;
  }

  async #startStandin(wish: Wish): Promise<void> {
    try {
      await this.#standin.start(wish.instance, wish.launch);
      this.#isDirty = true;
    } catch (error) {
      if (!(error instanceof SpawnError)) throw error;
      this.#giveUpRestart(wish, { why: error.message, log: [] });
    }
  }

  #lane(): Lane {
    if (this.#isSlowStarter) return "slow";
    return this.#startFor === "death" ? "revival" : "asked";
  }

  async #start(wish: Wish): Promise<void> {
    const { starts, clock, store } = this.#parts;
    this.#leaveStarts?.();
    const leave = starts.tryEnter(this.#lane(), this.name, () => this.wake());
    if (!leave) return;
    this.#isSlowStart = false;
    // Without the broker it cannot answer: that says nothing of it, and others need not wait for it.
    const canAnswer = this.#connection(null, wish.launch).link.state.is === "up";
    const cancelTimer = clock.after(canAnswer ? START_SLOT_MS : BLIND_START_SLOT_MS, () => {
      this.#isSlowStart = canAnswer;
      leave();
    });
    this.#leaveStarts = () => {
      cancelTimer();
      leave();
    };
    const startedFor = this.#startFor;
    // Only who adds an instance is told that there is no room for it: what was there before is not given up for that.
    const isNew = startedFor === "people" && !store.workers.has(this.name);
    this.#refusals.forgetAll();
    this.#liveness.reset();
    this.#isDirty = true;
    try {
      const id = await this.#process.start(wish.instance, wish.launch, startedFor, () => this.wake());
      this.#isWaitingForRoom = false;
      this.#record("started", STARTED_FOR[startedFor], { pid: id.pid });
    } catch (error) {
      this.#leaveStarts();
      if (error instanceof NoRoomError && !isNew) return this.#waitForRoom(error.message);
      if (!(error instanceof SpawnError)) throw error;
      const death = { termReason: null, startedFor, hasAnswered: false, isBrokerUsable: true };
      this.#sentence(this.#deaths.judge(death, wish.instance), wish, { why: error.message, log: [] }, {});
    }
  }

  /** Nothing is wrong with the instance: it is tried again until there is room. */
  #waitForRoom(why: string): void {
    if (!this.#isWaitingForRoom) this.#record("waiting", why, {});
    this.#isWaitingForRoom = true;
    this.#startNotBeforeMs = this.#parts.clock.now() + FAILED_PASS_MS;
  }

  async #correct(action: CorrectingAction | ConsumeAgain, { instance, launch }: Wish, row: ProcessRow): Promise<void> {
    const correction = this.#correction(action, instance.app);
    if (row.node === null || !correction) return;
    this.#liveness.isCorrected(action);
    const isToTell = action.do === "consume again" && !action.found.isRepeated;
    if (isToTell) this.#record("mended", action.found.why, action.found.evidence);
    try {
      const answer = await correct(this.#connection(row, launch), row.node, correction);
      if (action.do === "consume") this.#refusals.forget(action.queue);
      this.#log.info("told worker", { ...action, answer: answer ?? "nothing" });
    } catch (error) {
      const refused = refusal(error);
      if (action.do !== "consume") throw error;
      const { queue } = action;
      const why = `the broker refuses queue ${queue}: ${refused.words}`;
      if (this.#refusals.note(queue, refused)) this.#record("refused", why, { queue });
    }
    // Workers answer before they act, so look again; less and less often where it does not help.
    this.#lookAgainIn(backoffMs(this.#corrections++, CORRECT_AGAIN_MS, this.#parts.settings.intervalMs, 0));
  }

  #correction(action: CorrectingAction | ConsumeAgain, app: string): Correction | undefined {
    if (action.do === "consume again") {
      const queues = action.found.queues.flatMap((name) => this.#declared(app, name) ?? []);
      return { do: "consume again", queues };
    }
    if (action.do !== "consume") return action;
    const queue = this.#declared(app, action.queue);
    return queue && { do: "consume", queue };
  }

  #declared(app: string, queue: string): Queue | undefined {
    return queue === directQueue(this.name) ? directQueueOf(app, this.name) : this.#parts.store.queues.get(app, queue);
  }

  /** The last step of a deletion: row, folder, direct queue. */
  async #forget({ instance, launch }: Wish): Promise<void> {
    const { store } = this.#parts;
    const leftover = { queue: directQueue(instance.name), broker: launch.broker };
    // Of an instance that another branch has by now, the queue is used by the worker there.
    const isElsewhere = ownedElsewhere(this.#parts, instance.name);
    this.#process.removeFolder();
    this.#standin.removeFolder();
    store.write(() => {
      if (!isElsewhere) store.leftovers.add(leftover, this.#parts.clock.now());
      store.instances.remove(instance.name);
    });
    this.#log.info("deleted");
    this.#isDirty = true;
    if (isElsewhere) return;
    const { link } = this.#connection(null, launch);
    if (link.state.is !== "up") return;
    await deleteDirectQueue(link, leftover.queue);
    store.write(() => store.leftovers.remove(leftover));
  }

  #giveBackTurn(instance: Instance, { worker, hasStandin }: SeenRolling, actions: readonly Action[]): void {
    const { turns } = this.#parts;
    const isThere = worker?.restartSeq === instance.restartSeq && worker.reply !== null && actions.length === 0;
    const isReplaced = isThere && !hasStandin;
    if (isReplaced || wantOf(instance) !== "run") turns.release(instance.app, instance.name);
  }

  // --- death ---

  async #bury(wish: Wish, row: WorkerRow, id: ProcessId): Promise<void> {
    this.#isDirty = true;
    this.#leaveStarts?.();
    const swept = await this.#process.sweep(id);
    const { broker, link } = this.#connection(row, wish.launch);
    const hasAnswered = row.answeredAtMs !== null;
    // A worker that the broker refuses dies faster than we hear of the refusal.
    if (!hasAnswered && row.termReason === null) await link.whenUp(LINK_SETTLES_MS).catch(() => undefined);
    const verdict = this.#deaths.judge(
      {
        termReason: row.termReason,
        startedFor: row.startedFor ?? "branch",
        hasAnswered,
        isBrokerUsable: link.state.is === "up",
      },
      wish.instance,
    );
    const exit = await this.#process.exit();
    const log = this.#process.tail(broker);
    const evidence = { pid: id.pid, ...exit, answered: hasAnswered, swept };
    if (verdict !== "expected") {
      const failure = { why: deathSentence(row, exit), log };
      return this.#sentence(verdict, wish, failure, { ...evidence, log: log.slice(-5) });
    }
    const isByOthers = row.termReason === "somebody else";
    this.#clearAndRecord("stopped", isByOthers ? "as somebody else told it to" : "as wished", evidence);
    const { instance } = wish;
    if (wantOf(instance) !== "run") return;
    if (row.restartSeq < instance.restartSeq) this.#startAgain(instance.restartFor);
    else if (isByOthers) this.#startAgain("death");
  }

  async #buryStandin(wish: Wish, row: ProcessRow, id: ProcessId): Promise<void> {
    this.#isDirty = true;
    const own = this.#process.look();
    const worker = own.isAlive ? { ...own.row, hasAnswered: own.row.answeredAtMs !== null } : null;
    const isNeeded = worker !== null && needsStandin(wish.instance, worker);
    const end = await this.#standin.bury(id, row, this.#connection(row, wish.launch), isNeeded);
    if (end.is === "failed") this.#giveUpRestart(wish, end.failure);
  }

  /** The worker has left its queues already, so that the sooner it is replaced the better. */
  #goOnWithoutStandin(): void {
    this.#parts.store.write(() => this.#parts.store.instances.set(this.name, { hasStandin: false }));
    this.#isDirty = true;
  }

  /** The worker goes on as it is. */
  #giveUpRestart({ instance }: Wish, failure: Failure): void {
    const { store, turns, haltRollout } = this.#parts;
    const { restartSeq, pid } = store.workers.get(this.name);
    if (pid !== null && this.#ownDrain.hasBegun(pid)) return this.#goOnWithoutStandin();
    const evidence = { log: failure.log.slice(-5) };
    const why = `the restart was given up, and the worker goes on as it is: ${reasonOf(failure)}`;
    store.write(() => {
      store.instances.set(this.name, { restartSeq, isRolling: false, hasStandin: false });
      this.#record("kept", why, evidence);
    });
    this.#failedRestart = { seq: instance.restartSeq, failure };
    this.#isDirty = true;
    // What people asked for of the others is another matter than what this worker uses.
    const isRollout = instance.restartFor === "people" && turns.isHeldBy(instance.app, instance.name);
    if (isRollout) haltRollout(instance.app, instance.name);
    turns.release(instance.app, instance.name);
  }

  /** At once: a branch that is killed in between would forget the worker without a word, or bury it twice. */
  #clearAndRecord(did: string, why: string, evidence: Record<string, unknown>): void {
    this.#parts.store.write(() => {
      this.#process.clear();
      this.#record(did, why, evidence);
    });
    this.#closeFiles();
  }

  #closeFiles(): void {
    try {
      this.#process.closeFiles();
    } catch (error) {
      // The folder is the user's alone as well; and its files may be removed by hand at any time.
      this.#log.warning("cannot change the mode of the worker's files", { error });
    }
  }

  #startAgain(startFor: StartedFor): void {
    const { store } = this.#parts;
    this.#startFor = startFor;
    this.#startNotBeforeMs = 0;
    store.write(() => store.workers.set(this.name, { restarts: store.workers.get(this.name).restarts + 1 }));
  }

  /** Carries out what follows from a death or a failed start that nobody wished for. */
  #sentence(verdict: Verdict, wish: Wish, failure: Failure, evidence: Record<string, unknown>): void {
    const { store, clock } = this.#parts;
    store.write(() => {
      this.#clearAndRecord("died", failure.why, evidence);
      this.#deaths.count(verdict);
    });
    const { instance } = wish;
    if (verdict === "too many") {
      return this.#disable(instance, failure, this.#deaths.limitReason(instance, failure), clock.now());
    }
    if (verdict === "failed") return this.#disable(instance, failure, reasonOf(failure), null);
    if (verdict === "early") this.#isSlowStarter = true;
    this.#startAgain("death");
    this.#startNotBeforeMs = clock.now() + this.#deaths.delayMs(verdict, failure);
  }

  #enable({ disabledReason, limitedAtMs }: Instance): void {
    const { store, clock, settings } = this.#parts;
    store.write(() => {
      store.workers.forgetDeaths(this.name);
      store.instances.set(this.name, { isEnabled: true, disabledReason: null, limitedAtMs: null });
    });
    const why = `it was disabled for dying too often, and is tried again every ${settings.retryDisabledMs / 1000} s`;
    const disabledForS = Math.round((clock.now() - (limitedAtMs ?? clock.now())) / 1000);
    this.#record("enabled", why, { disabled_for: disabledForS, reason: disabledReason });
    this.#startFor = "retry";
    this.#startNotBeforeMs = 0;
    this.#failure = null;
    this.#isDirty = true;
  }

  #disable(instance: Instance, failure: Failure, disabledReason: string, limitedAtMs: number | null): void {
    const { store, turns, haltRollout } = this.#parts;
    store.write(() => store.instances.set(this.name, { isEnabled: false, disabledReason, limitedAtMs }));
    this.#failure = failure;
    this.#deaths.givenUp();
    this.#record("disabled", disabledReason, {});
    if (turns.isHeldBy(instance.app, instance.name)) haltRollout(instance.app, instance.name);
    turns.release(instance.app, instance.name);
  }

  // --- telling ---

  #record(did: string, why: string, evidence: Readonly<Record<string, unknown>>): void {
    const { store, clock } = this.#parts;
    this.#log.info(did, { why, ...evidence });
    store.write(() => store.history.add(this.name, { atMs: clock.now(), did, why, evidence }));
  }

  #statusOf(
    state: InstanceState,
    { instance, launch }: Wish,
    row: WorkerRow,
    seen: SeenRolling,
    isInLine: boolean,
  ): Status {
    const { clock } = this.#parts;
    const isAlive = seen.worker !== null;
    const firstSeenMs = (isAlive ? (row.answeredAtMs ?? row.startedAtMs) : null) ?? clock.now();
    const before = this.#status;
    // While nobody could say how it was, such as just after a start of the branch, it went on as before.
    const changedMs = before && before.state !== "unknown" ? clock.now() : firstSeenMs;
    return {
      state,
      pid: isAlive ? row.pid : null,
      sinceMs: before?.state === state && before.pid === row.pid ? before.sinceMs : changedMs,
      restarts: row.restarts,
      isInLine,
      reply: seen.worker?.reply ?? null,
      restartSeq: isAlive ? row.restartSeq : null,
      standinPid: seen.hasStandin ? this.#standin.look().row.pid : null,
      wishedSeq: instance.restartSeq,
      failedRestart: this.#failedRestart,
      link: this.#connection(isAlive ? row : null, launch).link.state,
      failure: this.#failure,
      lastDeath: this.#deaths.lastEarly,
      retryAtMs: seen.retryInMs === null ? null : clock.now() + Math.max(0, seen.retryInMs),
      refused: this.#refusals.words,
    };
  }

  #publish(status: Status | "gone"): void {
    this.#status = status === "gone" ? undefined : status;
    if (status !== "gone" && status.reply && status.pid !== null) {
      this.#begun = { pid: status.pid, tasks: status.reply.begunTasks, atMs: this.#parts.clock.now() };
    }
    for (const listener of this.#listeners) listener(status, this.#pass);
  }

  /** Of several times within one pass the first counts. */
  #lookAgainIn(ms: number): void {
    const { clock } = this.#parts;
    const atMs = clock.now() + ms;
    if (this.#lookAtMs !== undefined && this.#lookAtMs <= atMs) return;
    this.#cancelTimer?.();
    this.#lookAtMs = atMs;
    this.#cancelTimer = clock.after(ms, () => this.wake());
  }

  #forgetTimer(): void {
    this.#cancelTimer?.();
    this.#lookAtMs = undefined;
  }
}

function deathSentence(row: WorkerRow, exit: Exit | undefined): string {
  const how = exit ? exitSentence(exit) : "the worker is gone";
  if (row.termReason === "not consuming") return `the worker did not consume and was stopped (${how})`;
  if (row.termReason === "unresponsive") return `the worker did not answer and was stopped (${how})`;
  return row.answeredAtMs === null ? `${how} before it first answered` : how;
}

const exitSentence = ({ code, signal }: Exit) =>
  signal ? `the worker was killed by ${signal}` : `the worker ended with status ${code}`;
