import type { Json } from "../bus/bus.ts";
import { factsOf } from "../cluster/cluster.ts";
import { unavailable } from "../domain/errors.ts";
import type { CallOptions, Parts } from "./context.ts";

const ASK_MS = 2_000;
/** How soon those are asked again that were silent, while somebody waits for the task. */
const LATER_MS = 1_000;
/** How soon is asked again who sends a task that another branch is asking about too. */
const AGAIN_MS = 100;
/** What a branch answers that is asking itself whether it is to send the task. */
const ASKING = "asking";

/** A task that this branch was told to send under an id of the caller's: is it to, or has another done it already? */
interface Deciding {
  /** The branch that sends it, and who could not be asked. */
  decision: Promise<Sender> | undefined;
  /** Requests under that id. */
  users: number;
  isSending: boolean;
  /** A branch that goes first is asking too. */
  isOutdone: boolean;
}

interface Sender {
  readonly branch: string;
  readonly silent: readonly string[];
}

interface Heard {
  /** The branch that knows of the task. */
  readonly holder: string | undefined;
  /** Branches that ask themselves. */
  readonly asking: readonly string[];
  readonly silent: readonly string[];
}

/**
 * Finds the branch that knows of a task, and has one branch send a task under an id of the caller's, though several are told to
 * at once: of those that ask each other for it, the one with the lowest id sends, the others ask again until it does.
 */
export class TaskHolders {
  readonly #parts: Pick<Parts, "cluster" | "clock">;
  readonly #knows: (uuid: string) => boolean;
  readonly #deciding = new Map<string, Deciding>();

  /** `knows` says whether this branch sent the task, or heard of it. */
  constructor(parts: Pick<Parts, "cluster" | "clock">, knows: (uuid: string) => boolean) {
    this.#parts = parts;
    this.#knows = knows;
    parts.cluster.serve("tasks.ask", (args, from) => this.#answer(args, from));
  }

  /** The branch that knows of a task; undefined where nobody who answers does. Who does not is then added to `silent`. */
  async find(uuid: string, { timeoutMs, silent }: CallOptions): Promise<string | undefined> {
    if (this.#knows(uuid)) return this.#parts.cluster.branchId;
    const heard = await this.#ask({ uuid }, timeoutMs);
    if (heard.holder === undefined) for (const id of heard.silent) silent?.add(id);
    return heard.holder;
  }

  /**
   * The branch that knows of a task, once one of those that were silent answers that it does; undefined where `signal` is aborted
   * before, or where all have answered that they do not.
   */
  async findLater(uuid: string, signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(LATER_MS, signal);
      if (signal.aborted) return undefined;
      const { holder, silent } = await this.#ask({ uuid }, ASK_MS);
      if (holder !== undefined || silent.length === 0) return holder;
    }
    return undefined;
  }

  /** Has `send` send a task, with the branch that is to, and no other branch meanwhile. Who could not be asked is added to `silent`. */
  async once<T>(uuid: string, { timeoutMs, silent }: CallOptions, send: (branch: string) => Promise<T>): Promise<T> {
    if (this.#knows(uuid)) return send(this.#parts.cluster.branchId);
    const deciding = this.#deciding.get(uuid) ?? {
      decision: undefined,
      users: 0,
      isSending: false,
      isOutdone: false,
    };
    this.#deciding.set(uuid, deciding);
    deciding.users++;
    try {
      deciding.decision ??= this.#decide(uuid, deciding, timeoutMs);
      const sender = await deciding.decision;
      for (const id of sender.silent) silent?.add(id);
      return await send(sender.branch);
    } finally {
      if (--deciding.users === 0) this.#deciding.delete(uuid);
    }
  }

  async #decide(uuid: string, deciding: Deciding, timeoutMs: number): Promise<Sender> {
    const { clock, cluster } = this.#parts;
    const untilMs = clock.now() + timeoutMs;
    for (;;) {
      deciding.isOutdone = false;
      const { holder, asking, silent } = await this.#ask({ uuid, toSend: true }, untilMs - clock.now());
      if (holder !== undefined) return { branch: holder, silent: [] };
      const isFirst = !deciding.isOutdone && asking.every((id) => id > cluster.branchId);
      if (isFirst) {
        deciding.isSending = true;
        return { branch: cluster.branchId, silent };
      }
      if (clock.now() + AGAIN_MS >= untilMs) throw beingSent(uuid);
      await clock.sleep(AGAIN_MS);
    }
  }

  #answer(args: Json, from: string): Json {
    const { uuid, toSend } = factsOf(args);
    if (typeof uuid !== "string") return false;
    const deciding = this.#deciding.get(uuid);
    if (this.#knows(uuid) || deciding?.isSending === true) return true;
    if (deciding === undefined || toSend !== true) return false;
    // It may have been asked before it began to ask, and said that it does not.
    if (from < this.#parts.cluster.branchId) deciding.isOutdone = true;
    return ASKING;
  }

  /** Ends as soon as one says that it knows. */
  async #ask(args: { readonly uuid: string; readonly toSend?: true }, timeoutMs: number): Promise<Heard> {
    const { cluster } = this.#parts;
    const found = Promise.withResolvers<Heard>();
    const answers = cluster
      .members()
      .flatMap(({ id }) => (id === cluster.branchId ? [] : [this.#askOne(id, args, timeoutMs)]));
    for (const asked of answers) {
      void asked.then(([id, answer]) => {
        if (answer === true) found.resolve({ holder: id, asking: [], silent: [] });
      });
    }
    const all = Promise.all(answers).then((heard): Heard => {
      const asking = heard.flatMap(([id, answer]) => (answer === ASKING ? [id] : []));
      const mute = heard.flatMap(([id, answer]) => (answer === undefined ? [id] : []));
      return { holder: undefined, asking, silent: [...mute, ...cluster.away] };
    });
    return Promise.race([found.promise, all]);
  }

  async #askOne(id: string, args: Json, timeoutMs: number): Promise<readonly [string, Json | undefined]> {
    const gathered = await this.#parts.cluster.gather(
      [id],
      "tasks.ask",
      args,
      Math.min(ASK_MS, Math.max(0, timeoutMs)),
    );
    return [id, gathered.answers.get(id)];
  }
}

const beingSent = (uuid: string) =>
  unavailable(`Task ${uuid} is being sent through another branch: ask again`, { uuid, stored: false });
