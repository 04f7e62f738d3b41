import { describe, expect, test } from "bun:test";
import { CymeError, unavailable } from "../domain/errors.ts";
import type { AMQPChannel, AMQPMessage } from "../kit/amqp.ts";
import { ManualClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { ResultsInbox } from "./results-inbox.ts";
import type { TaskReport } from "./task-results.ts";

const MIB = 1024 * 1024;

const body = (id: string, result: unknown = null) => JSON.stringify({ task_id: id, status: "SUCCESS", result });
/** As a result of that many MiB, whose text is not made. */
const large = (id: string, mib: number) => ({ text: body(id), bytes: mib * MIB });

interface Given {
  readonly text: string;
  readonly bytes?: number;
  readonly correlationId?: string;
}

/** An inbox on a channel that delivers what the test says. `refuse` may throw for reports that are to be stored. */
async function setup(refuse: (reports: readonly TaskReport[]) => void = () => {}, former: readonly string[] = []) {
  const clock = new ManualClock();
  const logged: string[] = [];
  const log = (message: string, fields?: object) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const stored: TaskReport[][] = [];
  const acknowledged: number[] = [];
  const deliver = new Map<string, (message: AMQPMessage) => void>();
  const givenBack: string[] = [];
  let ours = former;
  const channel = {
    closed: false,
    queueDeclare: () => Promise.resolve({ messageCount: 0 }),
    prefetch: () => Promise.resolve(),
    basicConsume(queue: string, _options: object, onMessage: (message: AMQPMessage) => void) {
      deliver.set(queue, onMessage);
      return Promise.resolve({ wait: () => new Promise(() => {}) });
    },
    basicAck: (tag: number, multiple: boolean) => Promise.resolve(void (multiple && acknowledged.push(tag))),
    basicNack: (tag: number, requeue: boolean) => Promise.resolve(void givenBack.push(`${tag} ${requeue}`)),
    basicCancel: (queue: string) => Promise.resolve(void givenBack.push(`no more of ${queue}`)),
  };
  await ResultsInbox.open(channel as unknown as AMQPChannel, {
    queue: "results",
    formerQueues: () => ours,
    clock,
    log: { warning: log, error: log } as unknown as Log,
    onReports(reports) {
      refuse(reports);
      stored.push([...reports]);
    },
  });
  let tag = 0;
  return {
    clock,
    logged,
    acknowledged,
    givenBack,
    /** None of the former queues is ours any more. */
    giveUp: () => void (ours = []),
    /** Ids, by the turn in which they were stored. */
    turns: () => stored.map((reports) => reports.map(({ id }) => id)),
    stored: () => stored.flat(),
    arrive(...given: (string | Given)[]) {
      this.arriveIn("results", ...given);
    },
    arriveIn(queue: string, ...given: (string | Given)[]) {
      for (const one of given) {
        const { text, bytes = 0, correlationId } = typeof one === "string" ? { text: body(one) } : { ...one };
        const words = { bodyString: () => text, bodySize: bytes, properties: { correlationId } };
        const message = { ...words, deliveryTag: ++tag, consumerTag: queue };
        deliver.get(queue)?.(message as unknown as AMQPMessage);
      }
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("results that arrive together", () => {
  test("are stored in one go, and acknowledged then", async () => {
    const inbox = await setup();
    inbox.arrive("a", "b", "c");
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[], []]);
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a", "b", "c"]], [3]]);
  });

  test("are stored 4 MiB at a time, at least one, with everything else between", async () => {
    const inbox = await setup();
    inbox.arrive(large("a", 2), large("b", 2), large("c", 2), large("d", 14), "e");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a", "b"]], [2]]);
    await turn();
    expect([inbox.turns().at(-1), inbox.acknowledged]).toEqual([["c"], [2, 3]]);
    await turn();
    expect([inbox.turns().at(-1), inbox.acknowledged]).toEqual([["d"], [2, 3, 4]]);
    await turn();
    expect([inbox.turns().at(-1), inbox.acknowledged]).toEqual([["e"], [2, 3, 4, 5]]);
  });
});

describe("results that cannot be stored", () => {
  test("because of the database are not acknowledged, and tried again until they are stored", async () => {
    let isFull = true;
    const inbox = await setup(() => {
      if (isFull) throw unavailable("The disk is full");
    });
    inbox.arrive("a", "b");
    await turn();
    await inbox.clock.advance(2000);
    expect([inbox.turns(), inbox.acknowledged, inbox.logged.length]).toEqual([[], [], 1]);
    isFull = false;
    await inbox.clock.advance(2000);
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a", "b"]], [2]]);
  });

  test("because of one of them are stored, and that one as a failure, which is named in the log", async () => {
    const inbox = await setup((reports) => {
      if (reports.some(({ id, state }) => id === "bad" && state === "SUCCESS"))
        throw new RangeError("Maximum call stack size exceeded");
    });
    inbox.arrive("a", "bad", "b");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a"], ["bad"], ["b"]], [3]]);
    expect(inbox.logged).toEqual([expect.stringContaining('cannot be stored {"id":"bad"')]);
  });

  test("for whatever reason, not even that they failed, are not acknowledged", async () => {
    const inbox = await setup(() => {
      throw new RangeError("Cannot use a closed database");
    });
    inbox.arrive("a", "b");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[], []]);
  });

  test("alone for want of the database are not taken for bad", async () => {
    let writes = 0;
    const inbox = await setup(([{ id } = { id: "" }, ...others]) => {
      writes++;
      if (others.length > 0) throw new RangeError(`not with ${id}`);
      if (writes < 4) throw new CymeError("unavailable", "locked");
    });
    inbox.arrive("a", "b");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[], []]);
    await inbox.clock.advance(2000);
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a"], ["b"]], [2]]);
  });
});

describe("a result that cannot be read", () => {
  test("fails its task, and holds up no other", async () => {
    const inbox = await setup();
    const deep = `{"task_id": "deep", "status": "SUCCESS", "result": ${"[".repeat(60_000)}${"]".repeat(60_000)}}`;
    inbox.arrive({ text: deep }, { text: "\u0080", correlationId: "odd" }, "good");
    await turn();
    expect(inbox.stored().map(({ id, state, error }) => [id, state, error?.type])).toEqual([
      ["deep", "FAILURE", "UnreadableResult"],
      ["odd", "FAILURE", "UnreadableResult"],
      ["good", "SUCCESS", undefined],
    ]);
    expect(inbox.acknowledged).toEqual([3]);
    expect(inbox.logged).toHaveLength(2);
  });

  test("and says of no task is acknowledged", async () => {
    const inbox = await setup();
    inbox.arrive({ text: "{}", bytes: 2 });
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[], [1]]);
    expect(inbox.logged).toEqual(['a result cannot be read {"queue":"results","bytes":2}']);
  });
});

describe("results for a former id of the branch", () => {
  test("are stored with the others, in the order in which they came", async () => {
    const inbox = await setup(undefined, ["before"]);
    inbox.arriveIn("before", "a");
    inbox.arrive("b");
    inbox.arriveIn("before", "c");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["a", "b", "c"]], [3]]);
  });

  test("are given back where another branch has that id by now", async () => {
    const inbox = await setup(undefined, ["before"]);
    inbox.giveUp();
    inbox.arriveIn("before", "a");
    inbox.arrive("b");
    await turn();
    expect([inbox.turns(), inbox.acknowledged]).toEqual([[["b"]], [2]]);
    expect(inbox.givenBack).toEqual(["no more of before", "1 true"]);
  });
});
