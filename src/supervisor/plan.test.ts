import { describe, expect, test } from "bun:test";
import type { Instance } from "../domain/instance.ts";
import { instanceOf } from "../store/test-support.ts";
import type { Vitals } from "../kit/processes.ts";
import type { NotConsuming } from "./consuming.ts";
import type { Silence } from "./hearing.ts";
import { plan, stateOf, wantOf, type Action, type Reply, type Seen, type SeenWorker } from "./plan.ts";
import { replyOf, seenWorker } from "./test-seen.ts";

const NOW_MS = 1_000_000;
const limits = { stopTimeoutMs: 60_000, unresponsiveAfterMs: 60_000 };

const web = (fields: Partial<Instance> = {}) =>
  instanceOf("shop", "web", { queues: ["a", "b"], maxConcurrency: 4, minConcurrency: 1, restartSeq: 3, ...fields });

/** In line with `web()`. */
const reply = (fields: Partial<Reply> = {}): Reply => ({ ...replyOf(["dq.web", "a", "b"], 4, 1), ...fields });

/** Runs, answered just now, and is in line with `web()`. */
const worker = (fields: Partial<SeenWorker> = {}): SeenWorker => ({ ...seenWorker(3, reply()), ...fields });

const seen = (fields: Partial<Seen> = {}): Seen => ({
  nowMs: NOW_MS,
  worker: worker(),
  hasStandin: false,
  isBrokerUp: true,
  retryInMs: null,
  startNotBeforeMs: 0,
  isItsTurn: false,
  refusedQueues: new Set(),
  ...fields,
});

/** Nothing runs. */
const none = (fields: Partial<Seen> = {}) => seen({ worker: null, ...fields });
/** A worker runs that is as given. */
const runs = (fields: Partial<SeenWorker> = {}, rest: Partial<Seen> = {}) => seen({ worker: worker(fields), ...rest });

const silence: Silence = {
  addedMs: 5000,
  witness: "another worker",
  excuse: null,
  isProbe: false,
  nobodyMs: 0,
};
const silent: Partial<SeenWorker> = { reply: null, silentMs: 60_000, unansweredPings: 3, silence };

const planned = (instance: Instance, what: Seen): Action[] => plan(instance, what, limits);
const terminate = (why: string, reason: "wish" | "unresponsive" = "wish") => [{ do: "terminate", reason, why }];

describe("wantOf()", () => {
  test.each<[string, Partial<Instance>, string]>([
    ["enabled is to run", {}, "run"],
    ["disabled is to stop", { isEnabled: false }, "stop"],
    ["held is to stop", { isHeld: true }, "stop"],
    ["deleted is to go", { isDeleted: true }, "delete"],
    ["deleted is to go, disabled or held too", { isDeleted: true, isEnabled: false, isHeld: true }, "delete"],
  ])("what is %s", (_what, fields, want) => expect(wantOf(web(fields))).toBe(want as never));
});

describe("plan() without a process", () => {
  test("starts what is to run", () => expect(planned(web(), none())).toEqual([{ do: "start" }]));

  test("starts it while the broker is away too: an outage is no reason not to be there afterwards", () => {
    expect(planned(web(), none({ isBrokerUp: false }))).toEqual([{ do: "start" }]);
  });

  test("puts a start off until its time, and not longer", () => {
    expect(planned(web(), none({ startNotBeforeMs: NOW_MS + 700 }))).toEqual([{ do: "look again", inMs: 700 }]);
    expect(planned(web(), none({ startNotBeforeMs: NOW_MS }))).toEqual([{ do: "start" }]);
  });

  test.each([{ isEnabled: false }, { isHeld: true }])("leaves stopped what is %j", (fields) => {
    expect(planned(web(fields), none())).toEqual([]);
  });

  test("forgets what is deleted, even where a start was put off", () => {
    expect(planned(web({ isDeleted: true }), none({ startNotBeforeMs: NOW_MS + 700 }))).toEqual([{ do: "forget" }]);
  });
});

describe("plan() with a process that is as wished", () => {
  test("has nothing to do", () => expect(planned(web(), runs())).toEqual([]));

  test.each<[string, Partial<Instance>, string]>([
    ["disabled", { isEnabled: false }, "disabled"],
    ["held", { isHeld: true }, "all workers were stopped"],
    ["deleted", { isDeleted: true }, "deleted"],
  ])("stops it where it is %s", (_what, fields, why) => {
    for (const isBrokerUp of [true, false]) {
      for (const worn of [worker(), worker({ hasAnswered: false, reply: null }), worker(silent)]) {
        expect(planned(web(fields), seen({ worker: worn, isBrokerUp }))).toEqual(terminate(why) as Action[]);
      }
    }
  });
});

describe("plan() with a process that was sent TERM", () => {
  const stopping = (stoppingMs: number) => runs({ termSentAtMs: 0, stoppingMs, reply: null });

  test("waits as long as it has, and sends no second TERM", () => {
    expect(planned(web({ isEnabled: false }), stopping(0))).toEqual([{ do: "look again", inMs: 5000 }]);
    expect(planned(web({ isEnabled: false }), stopping(59_999))).toEqual([{ do: "look again", inMs: 1 }]);
  });

  test("kills it after that, again and again until it is gone", () => {
    const kill = [{ do: "kill" }, { do: "look again", inMs: 150 }] as Action[];
    expect(planned(web({ isEnabled: false }), stopping(60_000))).toEqual(kill);
    expect(planned(web({ isEnabled: false }), stopping(600_000))).toEqual(kill);
  });

  test("goes by the time to stop that is wished now", () => {
    const patient = plan(web({ isEnabled: false }), stopping(60_000), { ...limits, stopTimeoutMs: 90_000 });
    expect(patient).toEqual([{ do: "look again", inMs: 5000 }]);
    expect(plan(web({ isEnabled: false }), stopping(0), { ...limits, stopTimeoutMs: 0 })[0]).toEqual({ do: "kill" });
  });

  test("lets it end first, whatever is wished by now", () => {
    for (const fields of [{}, { isDeleted: true }, { restartSeq: 9 }]) {
      expect(planned(web(fields), stopping(0))).toEqual([{ do: "look again", inMs: 5000 }]);
    }
  });
});

describe("plan() with a process that is to be replaced", () => {
  test("stops it when it is its turn", () => {
    expect(planned(web({ restartSeq: 4 }), runs({}, { isItsTurn: true }))).toEqual(terminate("restart") as Action[]);
  });
  test("leaves it, and keeps it in line, until then", () => {
    expect(planned(web({ restartSeq: 4 }), runs())).toEqual([]);
    expect(planned(web({ restartSeq: 4, queues: ["a"] }), runs())).toEqual([{ do: "cancel", queue: "b" }]);
  });
  test("leaves one that was started for this restart", () => {
    expect(planned(web(), runs({}, { isItsTurn: true }))).toEqual([]);
  });
  test("stops it while the broker is away too", () => {
    expect(planned(web({ restartSeq: 4 }), runs({ reply: null }, { isItsTurn: true, isBrokerUp: false }))).toEqual(
      terminate("restart") as Action[],
    );
  });
});

describe("plan() with a process that does not answer", () => {
  const process: Vitals = { isStopped: false, isAsleep: true, cpuMs: 10, waitsIn: "do_epoll_wait", pollers: 1 };
  const evidence = { silent_s: 60, unanswered: 3, heard: "another worker", process: "running" };
  const gaveUp: Action[] = [{ do: "terminate", reason: "unresponsive", why: "no answer for 60 s", evidence }];

  test("stops it once it was silent for long enough, to three questions", () => {
    expect(planned(web(), runs(silent))).toEqual(gaveUp);
  });
  test("leaves it before that time, and before the third question", () => {
    expect(planned(web(), runs({ ...silent, silentMs: 59_999 }))).toEqual([]);
    expect(planned(web(), runs({ ...silent, unansweredPings: 2 }))).toEqual([]);
  });
  test("leaves it while the broker is away", () => {
    expect(planned(web(), runs({ ...silent, silentMs: 3_600_000 }, { isBrokerUp: false }))).toEqual([]);
  });
  test("leaves one whose silence has an excuse, whatever was summed", () => {
    const excused = { ...silent, silence: { ...silence, excuse: "its process is working" } };
    expect(planned(web(), runs({ ...excused, silentMs: 3_600_000 }))).toEqual([]);
  });
  test("leaves one of which nobody can say that it was silent", () => {
    expect(planned(web(), runs({ ...silent, silence: null }))).toEqual([]);
  });
  test("gives it its time where its log says that somebody else has told it to end, and not before it is silent", () => {
    const ending = { ...silent, isEnding: true };
    expect(planned(web(), runs(ending))).toMatchObject([{ do: "terminate", reason: "somebody else", evidence }]);
    expect(planned(web(), runs({ ...ending, unansweredPings: 2 }))).toEqual([]);
  });
  test("tells what its process did, and that it was stopped", () => {
    const asleep = plan(web(), runs({ ...silent, process }), limits);
    expect(asleep).toMatchObject([{ why: "no answer for 60 s", evidence: { process: "do_epoll_wait" } }]);
    const stopped = runs({ ...silent, process: { ...process, isStopped: true } });
    expect(plan(web(), stopped, limits)).toMatchObject([
      { why: "no answer for 60 s: its process is stopped (state T)", evidence: { process: "stopped" } },
    ]);
  });
  test("stops the one that is to show why nobody answers, however long that one was silent", () => {
    const probe = { reply: null, silence: { ...silence, witness: null, isProbe: true, nobodyMs: 300_000 } };
    expect(planned(web(), runs(probe))).toMatchObject([
      { reason: "unresponsive", why: "no worker of this broker has answered for 300 s: this one is tried first" },
    ]);
    expect(planned(web(), runs(probe, { isBrokerUp: false }))).toEqual([]);
  });
  test.each(["prefork", "threads", "eventlet", "gevent", "solo"] as const)("stops one of the pool %s", (pool) => {
    expect(planned(web({ pool }), runs(silent))).toEqual(gaveUp);
  });
  test("stops one that never answered, too", () => {
    expect(planned(web(), runs({ ...silent, hasAnswered: false }))).toEqual(gaveUp);
  });
  test("looks soon again at one that is starting, and waits for its broker", () => {
    expect(planned(web(), runs({ hasAnswered: false, reply: null }))).toEqual([{ do: "look again", inMs: 150 }]);
    expect(planned(web(), runs({ hasAnswered: false, reply: null }, { isBrokerUp: false }))).toEqual([]);
  });
});

describe("plan() with a process that answers otherwise than wished", () => {
  const answers = (fields: Partial<Reply>, rest: Partial<Seen> = {}) => runs({ reply: reply(fields) }, rest);

  test("makes it consume what is missing", () => {
    expect(planned(web(), answers({ queues: ["dq.web", "b"] }))).toEqual([{ do: "consume", queue: "a" }]);
  });
  test("makes it leave what is too much", () => {
    expect(planned(web(), answers({ queues: ["dq.web", "a", "b", "c", "celery"] }))).toEqual([
      { do: "cancel", queue: "c" },
      { do: "cancel", queue: "celery" },
    ]);
  });
  test("never makes it leave its direct queue, and has it back where somebody else did", () => {
    expect(planned(web({ queues: [] }), answers({ queues: ["dq.web"] }))).toEqual([]);
    expect(planned(web(), answers({ queues: ["a", "b"] }))).toEqual([{ do: "consume", queue: "dq.web" }]);
  });
  test("has all back where it consumes from nothing for long", () => {
    const empty = (emptyMs: number) => runs({ reply: reply({ queues: [] }), emptyMs });
    expect(planned(web(), empty(4999))).toEqual([{ do: "look again", inMs: 150 }]);
    expect(planned(web(), empty(5000))).toEqual(
      ["dq.web", "a", "b"].map((queue): Action => ({ do: "consume", queue })),
    );
  });
  test("never tells it of a queue that the broker refuses, for it would die; but of the others", () => {
    const what = answers({ queues: ["dq.web"] }, { refusedQueues: new Set(["a"]) });
    expect(planned(web(), what)).toEqual([{ do: "consume", queue: "b" }]);
  });
  test("makes it leave a queue that is refused and no longer wished", () => {
    const what = answers({}, { refusedQueues: new Set(["b"]) });
    expect(planned(web({ queues: ["a"] }), what)).toEqual([{ do: "cancel", queue: "b" }]);
  });
  test("waits for one that consumes from nothing yet, not even its own queue", () => {
    expect(planned(web(), answers({ queues: [], bounds: { max: 9, min: 9 } }))).toEqual([
      { do: "look again", inMs: 150 },
    ]);
  });

  test.each([
    { max: 5, min: 1 },
    { max: 4, min: 0 },
    { max: 1, min: 4 },
  ])("sets bounds right that are %j", (bounds) => {
    expect(planned(web(), answers({ bounds }))).toEqual([{ do: "scale", bounds: { max: 4, min: 1 } }]);
  });
  const pool = (processes: number, tasks = 0) => ({ processes, tasks });
  test("shrinks the pool where min was lowered, by a max that is lower for a moment", () => {
    const lowered = (was: Partial<Reply>) => planned(web(), answers({ bounds: { max: 4, min: 3 }, ...was }));
    const bounds = { max: 4, min: 1 };
    expect(lowered({ pool: pool(3) })).toEqual([{ do: "scale", bounds, shrinkTo: 1 }]);
    expect(lowered({ pool: pool(3, 2) })).toEqual([{ do: "scale", bounds, shrinkTo: 2 }]);
    expect(lowered({ pool: pool(3, 3) })).toEqual([{ do: "scale", bounds }]);
    expect(lowered({ pool: pool(1) })).toEqual([{ do: "scale", bounds }]);
  });
  test("leaves processes that tasks made Celery start to Celery, which ends them, but not for ever", () => {
    const big = (surplusMs: number) => runs({ reply: reply({ pool: pool(4) }), surplusMs });
    expect(planned(web(), big(119_999))).toEqual([]);
    expect(planned(web(), big(120_000))).toEqual([{ do: "scale", bounds: { max: 4, min: 1 }, shrinkTo: 1 }]);
  });
  test("never asks for a max of 0, even where min is 0", () => {
    const was = answers({ bounds: { max: 4, min: 3 }, pool: pool(3) });
    expect(planned(web({ minConcurrency: 0 }), was)).toMatchObject([{ shrinkTo: 1 }]);
  });
  test("leaves bounds alone that it has not, or cannot change", () => {
    expect(planned(web(), answers({ bounds: null }))).toEqual([]);
    expect(planned(web({ pool: "threads" }), answers({ bounds: { max: 9, min: 9 } }))).toEqual([]);
  });

  test("does all of it, queues first", () => {
    expect(planned(web(), answers({ queues: ["dq.web", "a", "c"], bounds: { max: 1, min: 1 } }))).toEqual([
      { do: "consume", queue: "b" },
      { do: "cancel", queue: "c" },
      { do: "scale", bounds: { max: 4, min: 1 } },
    ]);
  });
});

describe("plan() with a process that does not consume what it lists", () => {
  const found = (step: NotConsuming["step"]): NotConsuming => ({
    step,
    queues: ["a"],
    why: "not consuming: as the broker counts",
    evidence: { queue: "a", consumers: 0 },
    isRepeated: false,
  });

  test("has it consume anew before all else", () => {
    const what = runs({ notConsuming: found("consumers"), reply: reply({ queues: ["dq.web", "a"] }) });
    expect(planned(web(), what)).toEqual([{ do: "consume again", found: found("consumers") }]);
  });
  test("stops it where that did not help", () => {
    const { why, evidence } = found("restart");
    expect(planned(web(), runs({ notConsuming: found("restart") }))).toEqual([
      { do: "terminate", reason: "not consuming", why, evidence },
    ]);
  });
  test.each<[string, Partial<SeenWorker>, Partial<Seen>]>([
    ["does not answer now", { reply: null }, {}],
    ["is stopping", { termSentAtMs: 1 }, {}],
    ["has lost its broker", { reply: null }, { isBrokerUp: false }],
  ])("leaves one that %s", (_what, fields, rest) => {
    const does = planned(web(), runs({ notConsuming: found("restart"), ...fields }, rest)).map((step) => step.do);
    expect(does).not.toContain("terminate");
  });
});

describe("stateOf()", () => {
  test.each<[string, Partial<Instance>, Seen]>([
    ["starting", {}, none()],
    ["starting", {}, none({ isBrokerUp: false })],
    ["starting", {}, none({ startNotBeforeMs: NOW_MS })],
    ["backoff", {}, none({ startNotBeforeMs: NOW_MS + 1 })],
    ["stopped", { isHeld: true }, none()],
    ["stopped", { isHeld: true }, none({ startNotBeforeMs: NOW_MS + 1 })],
    ["disabled", { isEnabled: false }, none()],
    ["disabled", { isEnabled: false, isHeld: true }, none()],
    ["stopping", { isDeleted: true }, none()],

    ["running", {}, runs()],
    ["running", {}, runs({ reply: null, unansweredPings: 2 })],
    ["running", { restartSeq: 9 }, runs()],
    ["starting", {}, runs({ hasAnswered: false, reply: null, isHeard: false })],
    ["starting", {}, runs({ hasAnswered: false, ...silent, isHeard: false })],
    ["unresponsive", {}, runs(silent)],
    ["unresponsive", {}, runs({ reply: null, unansweredPings: 3, isHeard: false })],
    ["unresponsive", { pool: "solo" }, runs(silent)],
    ["unknown", {}, runs({ reply: null, isHeard: false })],
    ["unknown", {}, runs({}, { isBrokerUp: false })],
    ["unknown", {}, runs(silent, { isBrokerUp: false })],
    ["unknown", {}, runs({ hasAnswered: false, reply: null }, { isBrokerUp: false })],
    ["stopping", {}, runs({ termSentAtMs: NOW_MS })],
    ["stopping", {}, runs({ termSentAtMs: NOW_MS }, { isBrokerUp: false })],
    ["stopping", { isEnabled: false }, runs()],
    ["stopping", { isHeld: true }, runs({ reply: null }, { isBrokerUp: false })],
    ["stopping", { isDeleted: true }, runs(silent)],
  ])("is %s for %j where this is seen: %j", (state, fields, what) => {
    expect(stateOf(web(fields), what)).toBe(state as never);
  });
});

test("whatever is seen, a TERM is never planned twice, nothing is told to a silent worker, and nothing but a start starts", () => {
  const flags = [true, false];
  for (const isEnabled of flags)
    for (const isHeld of flags)
      for (const isDeleted of flags)
        for (const isBrokerUp of flags)
          for (const isItsTurn of flags)
            for (const restartSeq of [3, 4])
              for (const hasAnswered of flags)
                for (const answer of [reply(), reply({ queues: ["dq.web", "c"], bounds: null }), null])
                  for (const termSentAtMs of [null, NOW_MS, NOW_MS - 60_000])
                    for (const silentMs of [0, 60_000])
                      for (const pool of ["prefork", "solo"] as const) {
                        const what = seen({
                          isBrokerUp,
                          isItsTurn,
                          worker: worker({
                            hasAnswered,
                            reply: answer,
                            termSentAtMs,
                            stoppingMs: silentMs,
                            silentMs,
                            unansweredPings: 3,
                            silence,
                          }),
                        });
                        const done = planned(web({ isEnabled, isHeld, isDeleted, restartSeq, pool }), what).map(
                          (a) => a.do,
                        );
                        expect(done).not.toContain("start");
                        expect(done).not.toContain("forget");
                        if (termSentAtMs !== null) expect(done).not.toContain("terminate");
                        if (termSentAtMs === null || silentMs === 0) expect(done).not.toContain("kill");
                        if (answer === null || done.includes("terminate") || termSentAtMs !== null) {
                          for (const telling of ["consume", "cancel", "scale"] as const)
                            expect(done).not.toContain(telling);
                        }
                      }
});
