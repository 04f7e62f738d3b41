import type { QueueCount } from "../celery/queue-counts.ts";
import type { Clock } from "../kit/clock.ts";
import type { Reply } from "./plan.ts";
import { Stretch } from "./stretch.ts";

/** A worker that answers, and what it answered. */
export interface AnsweringWorker {
  readonly name: string;
  readonly node: string;
  readonly pid: number | null;
  readonly reply: Reply;
}

/** That a worker does not consume what it says, and what is to be done about it first. */
export interface NotConsuming {
  readonly step: "consumers" | "restart";
  readonly queues: readonly string[];
  readonly why: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** What the check asks, besides what the round has heard. */
export interface ConsumingQuestions {
  count(queues: readonly string[]): Promise<Map<string, QueueCount>>;
  /** Those of `nodes` that have no task at all, neither running nor waiting. */
  idle(nodes: readonly string[]): Promise<Set<string>>;
}

const CHECK_MS = 30_000;
/** How soon a queue is looked at again about which something is wrong. */
const SUSPECT_MS = 10_000;
/** How long messages wait for workers that have nothing to do before that is wrong. */
const BACKLOG_MS = 60_000;
/** Bad checks in a row at which it is mended, first by new consumers and then by a restart. */
const MEND_AT = 2;
const RESTART_AT = 4;

/** One queue, with what was found at the checks before. Times are those of the watch. */
interface Watched {
  dueMs: number;
  checkedMs: number | undefined;
  badChecks: number;
  backlogMs: number;
  /** Tasks begun, by process: where another process lists the queue, all begins anew. */
  begun: ReadonlyMap<number | null, number>;
}

/**
 * Whether the workers on one broker consume what they list: compares what they answer with what the broker counts. Each queue is asked
 * for every 30 s, at times of its own, once for all workers that list it.
 *
 * Two things are wrong: fewer consumers than workers that list the queue; or messages that wait while all its consumers are workers which
 * began nothing and have nothing. Where another consumer is there, or one of them works, messages may wait for a reason (priorities of
 * consumers, a single active one), so that proves nothing.
 */
export class Consuming {
  readonly #time: Stretch;
  readonly #queues = new Map<string, Watched>();

  constructor(clock: Clock, intervalMs: number) {
    this.#time = new Stretch(clock, intervalMs);
  }

  /** To be called in each round with all workers that answered; what is wrong with whom, by name. Rejects AmqpAway. */
  async check(workers: readonly AnsweringWorker[], questions: ConsumingQuestions): Promise<Map<string, NotConsuming>> {
    const nowMs = this.#time.note(true);
    const listed = byQueue(workers);
    for (const queue of this.#queues.keys()) if (!listed.has(queue)) this.#queues.delete(queue);
    const due = [...listed].filter(([queue]) => this.#watched(queue, nowMs).dueMs <= nowMs);
    const found = new Map<string, NotConsuming>();
    if (due.length === 0) return found;
    const counts = await questions.count(due.map(([queue]) => queue));
    for (const [queue, listing] of due) {
      const count = counts.get(queue);
      const problem = count && (await this.#look(queue, count, listing, nowMs, questions));
      for (const { name } of problem?.blamed ?? []) {
        if (problem) found.set(name, worse(found.get(name), problem.found));
      }
    }
    return found;
  }

  #watched(queue: string, nowMs: number): Watched {
    const known = this.#queues.get(queue);
    if (known) return known;
    // Spread over the whole time, so that a thousand queues are not asked for at once.
    const dueMs = nowMs + Number(Bun.hash(queue) % BigInt(CHECK_MS));
    const watched = { dueMs, checkedMs: undefined, badChecks: 0, backlogMs: 0, begun: new Map() };
    this.#queues.set(queue, watched);
    return watched;
  }

  async #look(
    queue: string,
    count: QueueCount,
    listing: readonly AnsweringWorker[],
    nowMs: number,
    { idle }: ConsumingQuestions,
  ): Promise<Problem | undefined> {
    const watched = this.#watched(queue, nowMs);
    const isWaiting = noteBacklog(watched, count, listing, nowMs);
    const isShort = count.consumers < listing.length;
    const isOverdue = watched.backlogMs >= BACKLOG_MS;
    const isStuck = isOverdue && (await idle(listing.map(({ node }) => node))).size === listing.length;
    if (isOverdue && !isStuck) watched.backlogMs = 0;
    watched.dueMs = nowMs + (isShort || isWaiting ? SUSPECT_MS : CHECK_MS);
    watched.badChecks = isShort || isStuck ? watched.badChecks + 1 : 0;
    // What has waited for a minute was looked at often enough.
    if (isStuck) watched.badChecks = Math.max(MEND_AT, watched.badChecks);
    const facts = { queue, count, listedBy: listing.length, backlogMs: watched.backlogMs, isStuck };
    if (watched.badChecks === MEND_AT) return { found: finding("consumers", facts), blamed: listing };
    if (watched.badChecks < RESTART_AT) return undefined;
    watched.badChecks = 0;
    watched.backlogMs = 0;
    // Of several, where some do consume, nobody knows which do not; and one at a time leaves the queue to the others.
    const isCertain = isStuck || count.consumers === 0;
    return isCertain ? { found: finding("restart", facts), blamed: listing.toSorted(byName).slice(0, 1) } : undefined;
  }
}

interface Problem {
  readonly found: NotConsuming;
  readonly blamed: readonly AnsweringWorker[];
}

/** Whether messages wait while nothing was begun since the check before; sums for how long. */
function noteBacklog(
  watched: Watched,
  { messages, consumers }: QueueCount,
  listing: readonly AnsweringWorker[],
  nowMs: number,
): boolean {
  const begun = new Map(listing.map(({ pid, reply }) => [pid, reply.begunTasks]));
  const isWaiting = messages > 0 && consumers <= listing.length && isSame(begun, watched.begun);
  if (!hasSameKeys(begun, watched.begun)) watched.badChecks = 0;
  watched.backlogMs = isWaiting ? watched.backlogMs + nowMs - (watched.checkedMs ?? nowMs) : 0;
  watched.begun = begun;
  watched.checkedMs = nowMs;
  return isWaiting;
}

interface Facts {
  readonly queue: string;
  readonly count: QueueCount;
  readonly listedBy: number;
  readonly backlogMs: number;
  readonly isStuck: boolean;
}

function finding(step: NotConsuming["step"], { queue, count, listedBy, backlogMs, isStuck }: Facts): NotConsuming {
  const waited = Math.round(backlogMs / 1000);
  const { consumers, messages } = count;
  const what = isStuck
    ? `${messages} messages have waited in ${queue} for ${waited} s while nothing runs`
    : `${listedBy} of our workers list ${queue}, for which the broker counts ${consumers} consumers`;
  const why = step === "restart" ? `not consuming: ${what}, also with new consumers` : `not consuming: ${what}`;
  const evidence = { queue, consumers, messages, listed_by: listedBy, ...(isStuck && { waited_s: waited }) };
  return { step, queues: [queue], why, evidence };
}

/** Of two findings about one worker; a restart mends all its queues. */
function worse(one: NotConsuming | undefined, other: NotConsuming): NotConsuming {
  if (!one) return other;
  const [first, second] = one.step === "restart" ? [one, other] : [other, one];
  return { ...first, queues: [...new Set([...first.queues, ...second.queues])] };
}

function byQueue(workers: readonly AnsweringWorker[]): Map<string, AnsweringWorker[]> {
  const listed = new Map<string, AnsweringWorker[]>();
  for (const worker of workers) {
    for (const queue of worker.reply.queues) {
      const listing = listed.get(queue) ?? [];
      listing.push(worker);
      listed.set(queue, listing);
    }
  }
  return listed;
}

const byName = (a: AnsweringWorker, b: AnsweringWorker) => (a.name < b.name ? -1 : 1);

const hasSameKeys = (a: ReadonlyMap<number | null, number>, b: ReadonlyMap<number | null, number>) =>
  a.size === b.size && [...a.keys()].every((key) => b.has(key));

const isSame = (a: ReadonlyMap<number | null, number>, b: ReadonlyMap<number | null, number>) =>
  hasSameKeys(a, b) && [...a].every(([key, value]) => b.get(key) === value);
