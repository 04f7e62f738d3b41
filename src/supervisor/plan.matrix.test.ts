import { describe, expect, test } from "bun:test";
import type { Instance, InstanceState } from "../domain/instance.ts";
import { instanceOf } from "../store/test-support.ts";
import type { Silence } from "./hearing.ts";
import { plan, stateOf, type Seen, type SeenWorker } from "./plan.ts";
import { replyOf, seenWorker } from "./test-seen.ts";

/*
 * Every edge between two states, each with its opposite: the situation next to it in which it must not be taken. What differs
 * between the two is one fact, or one millisecond.
 */

const LIMITS = { stopTimeoutMs: 30_000, unresponsiveAfterMs: 60_000 };
const NOW_MS = 1_000_000;

/** What is wished and seen, `state` and the names of the steps that follow. */
interface Case {
  readonly wish?: Partial<Instance>;
  /** null where no process is. */
  readonly worker?: Partial<SeenWorker> | null;
  readonly seen?: Partial<Seen>;
  readonly state: InstanceState;
  readonly does: readonly string[];
}

interface Edge {
  readonly taken: Case;
  readonly not: Case;
}

const inLine = replyOf(["dq.web", "a"], 4, 1);
const heard: Silence = { addedMs: 5000, witness: "another worker", excuse: null, isProbe: false, nobodyMs: 0 };
const silent = (silentMs: number, fields: Partial<Silence> = {}): Partial<SeenWorker> => ({
  reply: null,
  silentMs,
  unansweredPings: 3,
  silence: { ...heard, ...fields },
});
const young: Partial<SeenWorker> = { hasAnswered: false, reply: null, isHeard: false };
const stopping = (stoppingMs: number) => ({ reply: null, termSentAtMs: NOW_MS - stoppingMs, stoppingMs });
const notConsuming = (step: "consumers" | "restart") => ({
  notConsuming: { step, queues: ["a"], why: "not consuming", evidence: {}, isRepeated: false },
});
const off = { isEnabled: false };
const away = { isBrokerUp: false };
const terminate = ["terminate: unresponsive"];
const stops = ["terminate: wish"];
const waits = ["look again"];

const EDGES: Record<string, Edge> = {
  "nothing → starting, where it is to run": {
    taken: { worker: null, state: "starting", does: ["start"] },
    not: { worker: null, wish: off, state: "disabled", does: [] },
  },
  "nothing → starting, without its broker too": {
    taken: { worker: null, seen: away, state: "starting", does: ["start"] },
    not: { worker: null, seen: away, wish: off, state: "disabled", does: [] },
  },
  "backoff → starting, when its time is over": {
    taken: { worker: null, seen: { startNotBeforeMs: NOW_MS }, state: "starting", does: ["start"] },
    not: { worker: null, seen: { startNotBeforeMs: NOW_MS + 1 }, state: "backoff", does: waits },
  },
  "starting → running, with the first answer": {
    taken: { worker: { isHeard: true }, state: "running", does: [] },
    not: { worker: young, state: "starting", does: waits },
  },
  "starting → unknown, where the broker goes": {
    taken: { worker: young, seen: away, state: "unknown", does: [] },
    not: { worker: young, state: "starting", does: waits },
  },
  "starting → restarted, where it is silent for long": {
    taken: { worker: { ...young, ...silent(60_000) }, state: "starting", does: terminate },
    not: { worker: { ...young, ...silent(59_999) }, state: "starting", does: waits },
  },
  "starting → restarted, unless it is computing, as one that loads a project": {
    taken: { worker: { ...young, ...silent(90_000) }, state: "starting", does: terminate },
    not: { worker: { ...young, ...silent(90_000, { excuse: "it works" }) }, state: "starting", does: waits },
  },
  "running → unresponsive, with the third question unanswered": {
    taken: { worker: silent(15_000), state: "unresponsive", does: [] },
    not: { worker: { ...silent(15_000), unansweredPings: 2 }, state: "running", does: [] },
  },
  "unresponsive → running, with an answer": {
    taken: { worker: {}, state: "running", does: [] },
    not: { worker: silent(59_000), state: "unresponsive", does: [] },
  },
  "unresponsive → restarted, after its time": {
    taken: { worker: silent(60_000), state: "unresponsive", does: terminate },
    not: { worker: silent(59_999), state: "unresponsive", does: [] },
  },
  "unresponsive → restarted, where someone would have heard it": {
    taken: { worker: silent(60_000), state: "unresponsive", does: terminate },
    not: { worker: { ...silent(60_000), silence: null }, state: "unresponsive", does: [] },
  },
  "solo, silent → restarted, unless it is at work": {
    taken: { wish: { pool: "solo" }, worker: silent(60_000), state: "unresponsive", does: terminate },
    not: {
      wish: { pool: "solo" },
      worker: { ...silent(0, { excuse: "its process waits in hrtimer_nanosleep" }), unansweredPings: 0 },
      state: "running",
      does: [],
    },
  },
  "all silent → one restarted, to find out why": {
    taken: { worker: silent(0, { witness: null, isProbe: true }), state: "unresponsive", does: terminate },
    not: { worker: silent(0, { witness: null }), state: "unresponsive", does: [] },
  },
  "running → unknown, where the broker goes": {
    taken: { worker: { reply: null }, seen: away, state: "unknown", does: [] },
    not: { worker: { reply: null }, state: "running", does: [] },
  },
  "unknown → running, with an answer after it is back": {
    taken: { worker: { isHeard: true }, state: "running", does: [] },
    not: { worker: { reply: null, isHeard: false }, state: "unknown", does: [] },
  },
  "unknown → restarted, only once its broker is back": {
    taken: { worker: { ...silent(60_000), isHeard: false }, state: "unresponsive", does: terminate },
    not: { worker: { ...silent(3_600_000), isHeard: false }, seen: away, state: "unknown", does: [] },
  },
  "running → stopping, where it is disabled": {
    taken: { wish: off, state: "stopping", does: stops },
    not: { state: "running", does: [] },
  },
  "running → stopping, where all are held": {
    taken: { wish: { isHeld: true }, state: "stopping", does: stops },
    not: { state: "running", does: [] },
  },
  "running → stopping, where it is deleted, without its broker too": {
    taken: { wish: { isDeleted: true }, worker: { reply: null }, seen: away, state: "stopping", does: stops },
    not: { worker: { reply: null }, seen: away, state: "unknown", does: [] },
  },
  "running → stopping, for a restart that is its turn": {
    taken: { wish: { restartSeq: 4 }, seen: { isItsTurn: true }, state: "running", does: stops },
    not: { wish: { restartSeq: 4 }, state: "running", does: [] },
  },
  "stopping → killed, after stop_timeout": {
    taken: { wish: off, worker: stopping(30_000), state: "stopping", does: ["kill", "look again"] },
    not: { wish: off, worker: stopping(29_999), state: "stopping", does: waits },
  },
  "stopping → starting, where it is wished again: it ends first": {
    taken: { worker: null, state: "starting", does: ["start"] },
    not: { worker: stopping(1000), state: "stopping", does: waits },
  },
  "stopping → disabled": {
    taken: { wish: off, worker: null, state: "disabled", does: [] },
    not: { wish: off, worker: stopping(1000), state: "stopping", does: waits },
  },
  "stopping → stopped": {
    taken: { wish: { isHeld: true }, worker: null, state: "stopped", does: [] },
    not: { wish: { isHeld: true }, worker: stopping(1000), state: "stopping", does: waits },
  },
  "stopping → gone": {
    taken: { wish: { isDeleted: true }, worker: null, state: "stopping", does: ["forget"] },
    not: { wish: { isDeleted: true }, worker: stopping(1000), state: "stopping", does: waits },
  },
  "stopped → starting, where all are started": {
    taken: { worker: null, state: "starting", does: ["start"] },
    not: { wish: { isHeld: true }, worker: null, state: "stopped", does: [] },
  },
  "disabled → enabled again, by itself, after its time": {
    taken: { wish: off, worker: null, seen: { retryInMs: 0 }, state: "disabled", does: ["enable"] },
    not: { wish: off, worker: null, seen: { retryInMs: 1 }, state: "disabled", does: waits },
  },
  "disabled → enabled again, only where that is asked for": {
    taken: { wish: off, worker: null, seen: { retryInMs: -1 }, state: "disabled", does: ["enable"] },
    not: { wish: off, worker: null, seen: { retryInMs: null }, state: "disabled", does: [] },
  },
  "not consuming → told to consume": {
    taken: { worker: notConsuming("consumers"), state: "running", does: ["consume again"] },
    not: { state: "running", does: [] },
  },
  "not consuming, told so → restarted": {
    taken: { worker: notConsuming("restart"), state: "running", does: ["terminate: not consuming"] },
    not: { worker: { ...notConsuming("restart"), reply: null }, state: "running", does: [] },
  },
  "a queue too few → consumed": {
    taken: { worker: { reply: { ...inLine, queues: ["dq.web"] } }, state: "running", does: ["consume"] },
    not: { worker: { reply: null }, state: "running", does: [] },
  },
  "a queue too few → consumed, unless the broker refuses it: the worker would die": {
    taken: { worker: { reply: { ...inLine, queues: ["dq.web"] } }, state: "running", does: ["consume"] },
    not: {
      worker: { reply: { ...inLine, queues: ["dq.web"] } },
      seen: { refusedQueues: new Set(["a"]) },
      state: "running",
      does: [],
    },
  },
  "no queue at all → consumed, after a while": {
    taken: {
      worker: { reply: { ...inLine, queues: [] }, emptyMs: 5000 },
      state: "running",
      does: ["consume", "consume"],
    },
    not: { worker: { reply: { ...inLine, queues: [] }, emptyMs: 4999 }, state: "running", does: waits },
  },
  "a queue too many → left": {
    taken: { worker: { reply: { ...inLine, queues: ["dq.web", "a", "b"] } }, state: "running", does: ["cancel"] },
    not: { wish: { queues: ["a"] }, state: "running", does: [] },
  },
  "other bounds → set": {
    taken: { worker: { reply: { ...inLine, bounds: { max: 4, min: 3 } } }, state: "running", does: ["scale"] },
    not: { worker: { reply: { ...inLine, bounds: null } }, state: "running", does: [] },
  },
  "a pool too large → shrunk, where Celery does not": {
    taken: { worker: { surplusMs: 120_000 }, state: "running", does: ["scale"] },
    not: { worker: { surplusMs: 119_999 }, state: "running", does: [] },
  },
};

function follows({ wish = {}, worker = {}, seen = {} }: Case): Pick<Case, "state" | "does"> {
  const instance = instanceOf("shop", "web", {
    queues: ["a"],
    maxConcurrency: 4,
    minConcurrency: 1,
    restartSeq: 3,
    ...wish,
  });
  const all: Seen = {
    nowMs: NOW_MS,
    worker: worker && { ...seenWorker(3, inLine), ...worker },
    hasStandin: false,
    isBrokerUp: true,
    startNotBeforeMs: 0,
    retryInMs: null,
    isItsTurn: false,
    refusedQueues: new Set(),
    ...seen,
  };
  const steps = plan(instance, all, LIMITS);
  const does = steps.map((step) => (step.do === "terminate" ? `terminate: ${step.reason}` : step.do));
  return { state: stateOf(instance, all), does };
}

describe.each(Object.entries(EDGES))("%s", (_name, edge) => {
  test("is taken", () => {
    const { state, does } = edge.taken;
    expect(follows(edge.taken)).toEqual({ state, does });
  });
  test("is not taken next to it", () => {
    const { state, does } = edge.not;
    expect(follows(edge.not)).toEqual({ state, does });
    expect({ state, does }).not.toEqual({ state: edge.taken.state, does: edge.taken.does });
  });
});

test("every state is there, at the end of an edge", () => {
  const cases = Object.values(EDGES).flatMap(({ taken, not }) => [taken.state, not.state]);
  expect([...new Set(cases)].toSorted()).toEqual([
    "backoff",
    "disabled",
    "running",
    "starting",
    "stopped",
    "stopping",
    "unknown",
    "unresponsive",
  ]);
});
