import type { QueueCount } from "../celery/queue-counts.ts";
import type { Clock } from "../kit/clock.ts";
import type { Reply } from "./plan.ts";
import { hasSameKeys, Standstill, type BegunTasks } from "./standstill.ts";
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
  /** The same was told, and tried, before. */
  readonly isRepeated: boolean;
}

/** That what was told of the worker as long as nobody knew whose consumer was missing is over. */
interface ConsumingAgain {
  readonly step: "over";
  readonly why: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** What a check found of one worker. */
export type Finding = NotConsuming | ConsumingAgain;

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
/** How often all that list a queue consume anew while nobody knows which of them does not, and how often one is restarted on a suspicion. */
const AGAIN_MS = 3_600_000;

/** One queue, with what was found at the checks before. Times are those of the watch. */
interface Watched {
  dueMs: number;
  checkedMs: number | undefined;
  badChecks: number;
  backlogMs: number;
  /** Whether the last check knew who does not consume. */
  isCertain: boolean;
  /** Where one consumer of several is missing: when and to whom new ones were last ordered. */
  shared: { readonly atMs: number; readonly told: ReadonlySet<string> } | undefined;
  /** When a worker was restarted since the others went on without it, by name. */
  readonly suspected: Map<string, number>;
  readonly standstill: Standstill;
  /** Where another process lists the queue, all begins anew. */
  begun: BegunTasks;
}

/**
 * Whether the workers on one broker consume what they list: compares what they answer with what the broker counts. Each queue is asked
 * for every 30 s, at times of its own, once for all workers that list it.
 *
 * Two things are wrong: fewer consumers than workers that list the queue; or messages that wait while all its consumers are workers which
 * began nothing and have nothing. Where another consumer is there, or one of them works, messages may wait for a reason (priorities of
 * consumers, a single active one), so that proves nothing. Only where consumers are missing as well is a worker suspected that has
 * nothing to do and begins nothing while messages wait and the others go on.
 */
export class Consuming {
  readonly #time: Stretch;
  readonly #queues = new Map<string, Watched>();

  constructor(clock: Clock, intervalMs: number) {
    this.#time = new Stretch(clock, intervalMs);
  }

  /** To be called in each round with all workers that answered; what is wrong with whom, by name. Rejects AmqpAway. */
  async check(workers: readonly AnsweringWorker[], questions: ConsumingQuestions): Promise<Map<string, Finding>> {
    const nowMs = this.#time.note(true);
    const listed = byQueue(workers);
    for (const queue of this.#queues.keys()) if (!listed.has(queue)) this.#queues.delete(queue);
    const due = [...listed].filter(([queue]) => this.#watched(queue, nowMs).dueMs <= nowMs);
    const found = new Map<string, Finding>();
    if (due.length === 0) return found;
    const counts = await questions.count(due.map(([queue]) => queue));
    for (const [queue, listing] of due) {
      const count = counts.get(queue);
      const problem = count && (await this.#look(queue, count, listing, nowMs, questions));
      for (const { name } of problem?.concerns ?? []) {
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
    const watched: Watched = {
      dueMs,
      checkedMs: undefined,
      badChecks: 0,
      backlogMs: 0,
      isCertain: false,
      shared: undefined,
      suspected: new Map(),
      standstill: new Standstill(),
      begun: new Map(),
    };
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
    // Of several, where some do consume, nobody knows which do not.
    const isCertain = isStuck || count.consumers === 0;
    const isSameAsBefore = isCertain === watched.isCertain;
    watched.isCertain = isCertain;
    watched.badChecks = isShort || isStuck ? (isSameAsBefore ? watched.badChecks : 0) + 1 : 0;
    // What has waited for a minute was looked at often enough.
    if (isStuck) watched.badChecks = Math.max(MEND_AT, watched.badChecks);
    const facts = { queue, count, listing, nowMs, backlogMs: watched.backlogMs, isStuck };
    const still = watched.standstill.note(nowMs, count.messages, watched.begun);
    if (watched.badChecks === 0) return over(watched, facts);
    if (watched.badChecks < MEND_AT) return undefined;
    return isCertain ? certain(watched, facts) : suspicion(watched, facts, still, idle);
  }
}

interface Problem {
  readonly found: Finding;
  readonly concerns: readonly AnsweringWorker[];
}

interface Facts {
  readonly queue: string;
  readonly count: QueueCount;
  readonly listing: readonly AnsweringWorker[];
  readonly nowMs: number;
  readonly backlogMs: number;
  readonly isStuck: boolean;
}

/** None of those that list the queue consumes. */
function certain(watched: Watched, facts: Facts): Problem | undefined {
  const { listing } = facts;
  if (watched.badChecks === MEND_AT) return { found: finding("consumers", facts), concerns: listing };
  if (watched.badChecks < RESTART_AT) return undefined;
  watched.badChecks = 0;
  watched.backlogMs = 0;
  // One at a time leaves the queue to the others.
  return { found: finding("restart", facts), concerns: listing.toSorted(byName).slice(0, 1) };
}

/** Some consume, and nobody knows which do not, unless the others go on without them. */
async function suspicion(
  watched: Watched,
  facts: Facts,
  still: ReadonlySet<number | null>,
  idle: ConsumingQuestions["idle"],
): Promise<Problem | undefined> {
  const { listing, nowMs, count } = facts;
  const { shared } = watched;
  if (!shared || nowMs - shared.atMs >= AGAIN_MS) {
    watched.shared = { atMs: nowMs, told: new Set(listing.map(({ name }) => name)) };
    watched.standstill.reset(nowMs, watched.begun);
    return { found: finding("consumers", facts, shared !== undefined), concerns: listing };
  }
  const suspects = listing.filter(({ pid }) => still.has(pid));
  const missing = listing.length - count.consumers;
  // Who consumes and has nothing is given what waits: more of them than are missing means that it waits for another reason.
  if (suspects.length === 0 || suspects.length > missing) return undefined;
  // New consumers did not help it, nor does another restart that soon.
  const isRecent = ({ name }: AnsweringWorker) => nowMs - (watched.suspected.get(name) ?? -AGAIN_MS) < AGAIN_MS;
  const [first] = suspects.filter((one) => !isRecent(one)).toSorted(byName);
  if (!first || !(await idle([first.node])).has(first.node)) return undefined;
  watched.suspected.set(first.name, nowMs);
  const found = finding("restart", facts);
  const why = `${found.why}; messages wait, and the others go on while this one begins nothing`;
  return { found: { ...found, why }, concerns: [first] };
}

/** Who was told of consumers that are missing is told as well that they are back. */
function over(watched: Watched, { queue, count, listing }: Facts): Problem | undefined {
  const { shared } = watched;
  watched.shared = undefined;
  if (!shared) return undefined;
  const why = `consuming again: the broker counts a consumer of ${queue} for each of our workers that list it`;
  const evidence = { queue, consumers: count.consumers, messages: count.messages, listed_by: listing.length };
  return { found: { step: "over", why, evidence }, concerns: listing.filter(({ name }) => shared.told.has(name)) };
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
  // None of those is left that had new consumers.
  if (![...begun.keys()].some((pid) => watched.begun.has(pid))) watched.shared = undefined;
  watched.backlogMs = isWaiting ? watched.backlogMs + nowMs - (watched.checkedMs ?? nowMs) : 0;
  watched.begun = begun;
  watched.checkedMs = nowMs;
  return isWaiting;
}

function finding(
  step: NotConsuming["step"],
  { queue, count, listing, backlogMs, isStuck }: Facts,
  isRepeated = false,
): NotConsuming {
  const listedBy = listing.length;
  const waited = Math.round(backlogMs / 1000);
  const { consumers, messages } = count;
  const what = isStuck
    ? `${messages} messages have waited in ${queue} for ${waited} s while nothing runs`
    : `${listedBy} of our workers list ${queue}, for which the broker counts ${consumers} consumers`;
  const why = step === "restart" ? `not consuming: ${what}, also with new consumers` : `not consuming: ${what}`;
  const evidence = { queue, consumers, messages, listed_by: listedBy, ...(isStuck && { waited_s: waited }) };
  return { step, queues: [queue], why, evidence, isRepeated };
}

/** Of two findings about one worker; a restart mends all its queues. */
function worse(one: Finding | undefined, other: Finding): Finding {
  if (!one || one.step === "over") return other;
  if (other.step === "over") return one;
  const [first, second] = one.step === "restart" ? [one, other] : [other, one];
  const queues = [...new Set([...first.queues, ...second.queues])];
  return { ...first, queues, isRepeated: one.isRepeated && other.isRepeated };
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

const isSame = (a: BegunTasks, b: BegunTasks) =>
  hasSameKeys(a, b) && [...a].every(([key, value]) => b.get(key) === value);
