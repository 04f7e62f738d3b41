import type { BrokerConnection } from "../celery/brokers.ts";
import { deleteDirectQueue } from "../celery/topology.ts";
import type { Instance, InstanceState } from "../domain/instance.ts";
import { resolveLaunch, type ResolvedLaunch } from "../domain/launch.ts";
import { directQueue } from "../domain/names.ts";
import { AmqpAway, untilTried } from "../kit/amqp.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { Limiter } from "../kit/limiter.ts";
import type { Log } from "../kit/log.ts";
import { SpawnError, type Exit, type ProcessId } from "../kit/processes.ts";
import type { StartedFor, WorkerRow } from "../store/workers.ts";
import { correct, refusal, type Correction } from "./corrections.ts";
import { judge, type Death, type Verdict } from "./death.ts";
import { ownedElsewhere } from "./leftovers.ts";
import { Liveness, type RoundReply } from "./liveness.ts";
import type { Parts } from "./parts.ts";
import { plan, stateOf, wantOf, type Action, type Seen } from "./plan.ts";
import { Refusals } from "./refusals.ts";
import type { Failure, Status, StatusListener } from "./status.ts";
import type { Turns } from "./turns.ts";
import { tellingLine } from "./worker-log.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface KeeperParts extends Parts {
  readonly turns: Turns;
  /** Bounds how many workers start up at the same time: each is a burst of CPU. */
  readonly starts: Limiter;
  /** Called where a rolling restart failed on this instance: the others of its app keep what they run. */
  readonly haltRollout: (app: string, failed: string) => void;
}

interface Wish {
  readonly instance: Instance;
  readonly launch: ResolvedLaunch;
}

const LINK_SETTLES_MS = 1500;
const CORRECT_AGAIN_MS = 30;
const FAILED_PASS_MS = 2000;
/** The longest that a slow starter keeps others from starting. */
const START_SLOT_MS = 10_000;
const BLAMELESS_FIRST_MS = 1000;
const BLAMELESS_LAST_MS = 30_000;

const STARTED_FOR: Record<StartedFor, string> = {
  people: "asked for",
  branch: "the branch started",
  death: "the one before it died",
};

/**
 * Looks after one instance: look, plan, act, and look again until nothing is left to do. One step at a time, so that
 * nothing is done twice; what wakes it does not matter.
 */
export class Keeper {
  readonly name: string;
  readonly #parts: KeeperParts;
  readonly #process: WorkerProcess;
  readonly #liveness: Liveness;
  readonly #log: Log;
  readonly #listeners = new Set<StatusListener>();
  readonly #refusals: Refusals;

  #isStopped = false;
  #isRunning = false;
  #isDirty = false;
  #pass = 0;
  #passes: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;

  #status: Status | undefined;
  #failure: Failure | null = null;
  #startFor: StartedFor;
  #startNotBeforeMs = 0;
  #blamelessDeaths = 0;
  #corrections = 0;
  #killedPid: number | undefined;
  #leaveStarts: (() => void) | undefined;

  constructor(name: string, startFor: StartedFor, parts: KeeperParts) {
    this.name = name;
    this.#startFor = startFor;
    this.#parts = parts;
    this.#process = new WorkerProcess(name, parts);
    this.#liveness = new Liveness(parts.clock, parts.settings.waitAfterBrokerRevivedMs);
    this.#refusals = new Refusals(parts.clock);
    this.#log = parts.log.with({ instance: name });
  }

  get status(): Status | undefined {
    return this.#status;
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

  /** Whether something was begun that nobody would end after us: a stop, or the start that follows one. */
  get isBusy(): boolean {
    if (!this.#status) return this.#isDirty;
    const { state, pid } = this.#status;
    return state === "stopping" || (state === "starting" && pid === null);
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
  }

  /**
   * Called once, before the first look of a branch that starts: the worker may live, written down or only found, or have
   * died without a branch to see it, which nobody is blamed for.
   */
  takeOver(found: (ProcessId & { readonly node: string }) | undefined): void {
    const wish = this.#wish();
    if (!wish) return;
    const { row, id, isAlive } = this.#process.look();
    if (isAlive) {
      if (this.#startFor === "branch") this.#record("adopted", "the branch started", { pid: row.pid });
      return;
    }
    if (id) {
      this.#process.kill(id);
      this.#clear();
      this.#record("died", "while no branch was running", { pid: id.pid });
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
    if (!isThere) this.#parts.turns.resume(instance.app, instance.name, () => this.wake());
  }

  /** The living process, for who watches those that are no children of ours. */
  get livingProcess(): ProcessId | undefined {
    const { id, isAlive } = this.#process.look();
    return isAlive ? id : undefined;
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
    const seen = await this.#see(wish, isAlive ? row : null);
    const state = stateOf(wish.instance, seen);
    return this.#statusOf(isAlive || state === "disabled" ? state : "stopped", wish, row, seen, false);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      this.#cancelTimer?.();
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
      return this.#publish("gone");
    }
    const { row, id, isAlive } = this.#process.look();
    if (id && !isAlive) return this.#bury(wish, row, id);
    const seen = await this.#see(wish, isAlive ? row : null);
    const actions = plan(wish.instance, seen, {
      stopTimeoutMs: wish.launch.stopTimeoutS * 1000,
      unresponsiveAfterMs: this.#parts.settings.unresponsiveAfterMs,
    });
    if (actions.length === 0) this.#corrections = 0;
    if (!actions.some((action) => action.do === "start")) this.#parts.starts.forgo(this.name);
    this.#giveBackTurn(wish.instance, seen, actions);
    this.#publish(this.#statusOf(stateOf(wish.instance, seen), wish, row, seen, actions.length === 0));
    for (const action of actions) await this.#act(action, wish, row, id);
  }

  #wish(): Wish | undefined {
    const { store, settings } = this.#parts;
    const instance = store.instances.get(this.name);
    const app = instance && store.apps.get(instance.app);
    if (!instance || !app) return undefined;
    const defaults = { broker: settings.defaultBroker, command: settings.defaultCommand };
    return { instance, launch: resolveLaunch(instance, app, defaults) };
  }

  async #see({ instance, launch }: Wish, row: WorkerRow | null): Promise<Seen> {
    const { clock, turns } = this.#parts;
    const connection = this.#connection(row, launch);
    const isAsked = row?.termSentAtMs === null && wantOf(instance) === "run";
    const worker = row && (await this.#liveness.look(row, connection, isAsked));
    if (row?.answeredAtMs === null && worker?.hasAnswered) this.#noteFirstAnswer();
    const isOutdated = worker !== null && worker.restartSeq < instance.restartSeq;
    const mayRestart = () => !instance.isRolling || turns.claim(instance.app, instance.name, () => this.wake());
    return {
      nowMs: clock.now(),
      worker,
      isBrokerUp: connection.link.state.is === "up",
      startNotBeforeMs: this.#startNotBeforeMs,
      isItsTurn: isOutdated && wantOf(instance) === "run" && mayRestart(),
      refusedQueues: this.#refusals.pending,
    };
  }

  /** The broker that the worker is on, or the one that it would be started with. */
  #connection(row: WorkerRow | null, launch: ResolvedLaunch): BrokerConnection {
    const { brokers, store } = this.#parts;
    const brokerId = row?.brokerId ?? null;
    return brokers.use(brokerId === null ? launch.broker : store.brokers.get(brokerId));
  }

  #noteFirstAnswer(): void {
    const { store, clock } = this.#parts;
    store.write(() => store.workers.set(this.name, { answeredAtMs: clock.now() }));
    this.#closeFiles();
    this.#leaveStarts?.();
    this.#blamelessDeaths = 0;
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
        if (!id) return;
        this.#record("stopping", action.why, { pid: id.pid });
        this.#process.terminate(id, action.reason);
        this.#isDirty = true;
        return;
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
      case "consume":
      case "cancel":
      case "scale":
        return this.#correct(action, wish, row);
      default:
        return action satisfies never;
    }
  }

  #start(wish: Wish): void {
    const { starts, clock } = this.#parts;
    this.#leaveStarts?.();
    const leave = starts.tryEnter(this.name, () => this.wake());
    if (!leave) return;
    const cancelTimer = clock.after(START_SLOT_MS, leave);
    this.#leaveStarts = () => {
      cancelTimer();
      leave();
    };
    const startedFor = this.#startFor;
    this.#refusals.forgetAll();
    this.#liveness.reset();
    this.#isDirty = true;
    try {
      const id = this.#process.start(wish.instance, wish.launch, startedFor, () => this.wake());
      this.#record("started", STARTED_FOR[startedFor], { pid: id.pid });
    } catch (error) {
      this.#leaveStarts();
      if (!(error instanceof SpawnError)) throw error;
      const death = { termReason: null, startedFor, hasAnswered: false, isBrokerUsable: true };
      this.#sentence(this.#judge(death), wish, { why: error.message, log: [] }, {});
    }
  }

  async #correct(action: CorrectingAction, { instance, launch }: Wish, row: WorkerRow): Promise<void> {
    const correction = this.#correction(action, instance.app);
    if (row.node === null || !correction) return;
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

  #correction(action: CorrectingAction, app: string): Correction | undefined {
    if (action.do !== "consume") return action;
    const queue = this.#parts.store.queues.get(app, action.queue);
    return queue && { do: "consume", queue };
  }

  /** The last step of a deletion: row, folder, direct queue. */
  async #forget({ instance, launch }: Wish): Promise<void> {
    const { store } = this.#parts;
    const leftover = { queue: directQueue(instance.name), broker: launch.broker };
    // Of an instance that another branch has by now, the queue is used by the worker there.
    const isElsewhere = ownedElsewhere(this.#parts, instance.name);
    this.#process.removeFolder();
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

  #giveBackTurn(instance: Instance, { worker }: Seen, actions: readonly Action[]): void {
    const { turns } = this.#parts;
    const isReplaced = worker?.restartSeq === instance.restartSeq && worker.reply !== null && actions.length === 0;
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
    const verdict = this.#judge({
      termReason: row.termReason,
      startedFor: row.startedFor ?? "branch",
      hasAnswered,
      isBrokerUsable: link.state.is === "up",
    });
    const exit = await this.#process.exit();
    const log = this.#process.tail(broker);
    this.#clear();
    const evidence = { pid: id.pid, ...exit, answered: hasAnswered, swept };
    if (verdict !== "expected") {
      const failure = { why: deathSentence(row, exit), log };
      return this.#sentence(verdict, wish, failure, { ...evidence, log: log.slice(-5) });
    }
    this.#record("stopped", "as wished", evidence);
    if (wantOf(wish.instance) === "run" && row.restartSeq < wish.instance.restartSeq) this.#startAgain("people");
  }

  #clear(): void {
    const { store } = this.#parts;
    store.write(() => store.workers.clear(this.name));
    this.#process.removePid();
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

  #judge(death: Omit<Death, "deathsBefore">): Verdict {
    const { store, clock, settings } = this.#parts;
    const rate = settings.restartMaxRate;
    const deathsBefore = store.write(() => store.workers.deathsSince(this.name, clock.now() - rate.periodMs));
    return judge({ ...death, deathsBefore }, rate);
  }

  #startAgain(startFor: StartedFor): void {
    const { store } = this.#parts;
    this.#startFor = startFor;
    this.#startNotBeforeMs = 0;
    store.write(() => store.workers.set(this.name, { restarts: store.workers.get(this.name).restarts + 1 }));
  }

  /** Carries out what follows from a death or a failed start that nobody wished for. */
  #sentence(verdict: Verdict, wish: Wish, failure: Failure, evidence: Record<string, unknown>): void {
    const { store, clock, settings } = this.#parts;
    this.#record("died", failure.why, evidence);
    if (verdict === "counted" || verdict === "too many") {
      store.write(() => store.workers.addDeath(this.name, clock.now()));
    }
    if (verdict === "too many") {
      return this.#disable(
        wish.instance,
        failure,
        `more deaths than restart_max_rate ${settings.restartMaxRate.text} allows: `,
      );
    }
    if (verdict === "failed") return this.#disable(wish.instance, failure, "");
    this.#startAgain("death");
    if (verdict !== "blameless") return;
    // The first is started again at once: its death may have nothing to do with the broker.
    const delayMs = backoffMs(this.#blamelessDeaths, BLAMELESS_FIRST_MS, BLAMELESS_LAST_MS);
    if (this.#blamelessDeaths++ > 0) this.#startNotBeforeMs = clock.now() + delayMs;
  }

  #disable(instance: Instance, failure: Failure, because: string): void {
    const { store, turns, haltRollout } = this.#parts;
    const line = tellingLine(failure.log);
    const disabledReason = `${because}${failure.why}${line === undefined ? "" : `; its log says: ${line}`}`;
    store.write(() => store.instances.set(this.name, { isEnabled: false, disabledReason }));
    this.#failure = failure;
    this.#record("disabled", disabledReason, {});
    if (turns.isHeldBy(instance.app, instance.name)) haltRollout(instance.app, instance.name);
    turns.release(instance.app, instance.name);
  }

  // --- telling ---

  #record(did: string, why: string, evidence: Record<string, unknown>): void {
    const { store, clock } = this.#parts;
    this.#log.info(did, { why, ...evidence });
    store.write(() => store.history.add(this.name, { atMs: clock.now(), did, why, evidence }));
  }

  #statusOf(state: InstanceState, { launch }: Wish, row: WorkerRow, seen: Seen, isInLine: boolean): Status {
    const { clock } = this.#parts;
    const isAlive = seen.worker !== null;
    const firstSeenMs = (isAlive ? (row.answeredAtMs ?? row.startedAtMs) : null) ?? clock.now();
    const before = this.#status;
    const changedMs = before ? clock.now() : firstSeenMs;
    return {
      state,
      pid: isAlive ? row.pid : null,
      sinceMs: before?.state === state && before.pid === row.pid ? before.sinceMs : changedMs,
      restarts: row.restarts,
      isInLine,
      reply: seen.worker?.reply ?? null,
      restartSeq: isAlive ? row.restartSeq : null,
      link: this.#connection(isAlive ? row : null, launch).link.state,
      failure: this.#failure,
      refused: this.#refusals.words,
    };
  }

  #publish(status: Status | "gone"): void {
    this.#status = status === "gone" ? undefined : status;
    for (const listener of this.#listeners) listener(status, this.#pass);
  }

  #lookAgainIn(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#parts.clock.after(ms, () => this.wake());
  }
}

type CorrectingAction = Extract<Action, { do: "consume" | "cancel" | "scale" }>;

function deathSentence(row: WorkerRow, exit: Exit | undefined): string {
  const how = exit ? exitSentence(exit) : "the worker is gone";
  if (row.termReason === "unresponsive") return `the worker did not answer and was stopped (${how})`;
  return row.answeredAtMs === null ? `${how} before it first answered` : how;
}

const exitSentence = ({ code, signal }: Exit) =>
  signal ? `the worker was killed by ${signal}` : `the worker ended with status ${code}`;
