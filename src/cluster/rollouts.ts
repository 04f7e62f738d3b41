import type { Json } from "../bus/bus.ts";
import { CymeError } from "../domain/errors.ts";
import type { Halt } from "../domain/rollout.ts";
import { parseVersion } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Store } from "../store/store.ts";
import { factsOf, type Cluster } from "./cluster.ts";
import { RolloutTurn } from "./rollout-turn.ts";

export interface RolloutsParts {
  readonly cluster: Cluster;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Remembers it, and has the instances of this branch that are not restarted yet keep what they run. */
  readonly keep: (halt: Halt) => void;
}

const METHODS = { halted: "rollouts.halted", ask: "rollouts.ask", free: "rollouts.free" } as const;

/** How soon a turn is tried for again of which nobody said that it is free. */
const TRY_AGAIN_MS = 2_000;
/** For how long it is tried for where it was just given back, or never tried for: its holder needs a moment to let go. */
const FREE_MS = 500;
/** One try. */
const ONCE_MS = 1;
/** A bus that is away for longer than a broker needs to start again is not waited for. */
const AWAY_MS = 10_000;
const ASK_MS = 2_000;

/**
 * Rolling restarts of apps whose instances are on several branches: one instance of an app is away at a time, by a lock on
 * the bus, and where one does not come back no branch takes another. A branch that has nobody to heed, or has lost the bus,
 * goes on alone. A lock ends with its holder, whatever becomes of that.
 */
export class Rollouts {
  readonly #parts: RolloutsParts;
  readonly #turns = new Set<RolloutTurn>();
  /** By app: others are being told that a restart was halted. */
  readonly #tellings = new Map<string, Promise<void>>();

  constructor(parts: RolloutsParts) {
    const { cluster, store } = parts;
    this.#parts = parts;
    cluster.serve(METHODS.halted, (args) => this.#heard(args));
    cluster.serve(METHODS.ask, (args) => haltToJson(store.halts.get(appOf(args))));
    cluster.serve(METHODS.free, (args) => this.#freed(appOf(args)));
    cluster.onState(() => {
      for (const turn of this.#turns) turn.hurry();
    });
  }

  /** Asks for a turn; `wake` is called when it is had later than at once. */
  enter(app: string, wake: () => void): RolloutTurn {
    const { cluster, clock } = this.#parts;
    const turn = new RolloutTurn(app, wake, clock);
    if (cluster.isAlone || cluster.busState === undefined) turn.grantAtOnce();
    else void this.#hold(turn);
    return turn;
  }

  /** Tells the others that an instance of this branch did not come back: they hear it before the turn is another's. */
  halted(halt: Halt): void {
    const { cluster } = this.#parts;
    if (cluster.isAlone) return;
    const telling = cluster.gather(this.#others(), METHODS.halted, haltToJson(halt), ASK_MS).then(
      () => {},
      (error: unknown) => this.#parts.log.error("the others could not be told that a restart was halted", { error }),
    );
    this.#tellings.set(halt.app, telling);
  }

  /** Keeps a place in the cluster until the turn is over. */
  async #hold(turn: RolloutTurn): Promise<void> {
    const { cluster, log } = this.#parts;
    this.#turns.add(turn);
    // Not within the look of who asks.
    await Promise.resolve();
    while (!turn.isOver) {
      try {
        await this.#try(turn);
      } catch (error) {
        // The lock is another's, or the bus has just gone.
        if (!(error instanceof CymeError)) log.error("a turn in a rolling restart could not be asked for", { error });
      }
      await turn.pause(TRY_AGAIN_MS);
    }
    this.#turns.delete(turn);
    await cluster.cast(METHODS.free, { app: turn.app });
  }

  async #try(turn: RolloutTurn): Promise<void> {
    const { app } = turn;
    const { cluster } = this.#parts;
    const timeoutMs = turn.takeHurry() ? FREE_MS : ONCE_MS;
    await cluster.untilTried();
    this.#keep(app);
    if (this.#isCutOff) return turn.grant();
    await cluster.withLock(`rolling ${app}`, timeoutMs, async (lost) => {
      if (!turn.isHad) await this.#askOthers(app);
      if (lost.aborted) return;
      turn.grant();
      await turn.untilOver(lost);
      await this.#tellings.get(app);
    });
  }

  get #isCutOff(): boolean {
    const { cluster, clock } = this.#parts;
    const { busState } = cluster;
    return busState?.is !== "up" && clock.now() - (busState?.sinceMs ?? 0) >= AWAY_MS;
  }

  /** Who was not there, or did not hear, when the restart was halted hears it before it takes an instance. */
  async #askOthers(app: string): Promise<void> {
    const { answers } = await this.#parts.cluster.gather(this.#others(), METHODS.ask, { app }, ASK_MS);
    for (const answer of answers.values()) this.#heard(answer);
    this.#keep(app);
  }

  #heard(args: Json): Json {
    const { store, keep } = this.#parts;
    const halt = haltFrom(args);
    const isNews = halt && store.apps.get(halt.app) && (store.halts.get(halt.app)?.upTo ?? "") < halt.upTo;
    if (isNews) keep(halt);
    return {};
  }

  #keep(app: string): void {
    const halt = this.#parts.store.halts.get(app);
    if (halt) this.#parts.keep(halt);
  }

  #freed(app: string): Json {
    for (const turn of this.#turns) if (turn.app === app) turn.hurry();
    return {};
  }

  #others(): string[] {
    const { cluster } = this.#parts;
    return cluster.members().flatMap(({ id }) => (id === cluster.branchId ? [] : [id]));
  }
}

const appOf = (args: Json) => textOf(args, "app") ?? "";

const haltToJson = (halt: Halt | undefined): Json =>
  halt ? { app: halt.app, failed: halt.failed, up_to: halt.upTo } : {};

/** Undefined for anything else. */
function haltFrom(args: Json): Halt | undefined {
  const [app, failed, upTo] = ["app", "failed", "up_to"].map((field) => textOf(args, field));
  if (app === undefined || failed === undefined || upTo === undefined) return undefined;
  return parseVersion(upTo) ? { app, failed, upTo } : undefined;
}

function textOf(args: Json, field: string): string | undefined {
  const { [field]: text } = factsOf(args);
  return typeof text === "string" ? text : undefined;
}
