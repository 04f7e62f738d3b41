import { describe, expect, test } from "bun:test";
import type { QueueCount } from "../celery/queue-counts.ts";
import { ManualClock } from "../kit/clock.ts";
import { Consuming, type AnsweringWorker, type Finding } from "./consuming.ts";
import { replyOf } from "./test-seen.ts";

const INTERVAL_MS = 5000;
const CHECK_MS = 30_000;

/** Workers and a broker that a test changes, checked in rounds of five seconds. */
class World {
  readonly clock = new ManualClock();
  readonly consuming = new Consuming(this.clock, INTERVAL_MS);
  readonly counts = new Map<string, QueueCount>();
  readonly counted: string[][] = [];
  workers: AnsweringWorker[] = [];
  /** Whether workers say that they have no task. */
  isIdle = true;
  /** Those that begin a task in each round. */
  readonly working = new Set<string>();

  add(name: string, ...queues: string[]): AnsweringWorker {
    const worker = { name, node: `${name}@b1`, pid: this.workers.length, reply: replyOf(queues, 1, 1) };
    this.workers.push(worker);
    return worker;
  }

  begin(name: string, begunTasks: number): void {
    this.workers = this.workers.map((one) =>
      one.name === name ? { ...one, reply: { ...one.reply, begunTasks } } : one,
    );
  }

  /** What was found in each of these seconds that is new, as `at name: step`. */
  async pass(seconds: number): Promise<string[]> {
    const found: string[] = [];
    for (let at = 0; at < seconds; at += INTERVAL_MS / 1000) {
      await this.clock.advance(INTERVAL_MS);
      for (const name of this.working) this.begin(name, at + 1);
      for (const [name, finding] of await this.check()) {
        const isAgain = finding.step !== "over" && finding.isRepeated;
        found.push(`${name}: ${finding.step}${isAgain ? " again" : ""}`);
      }
    }
    return found;
  }

  check(): Promise<Map<string, Finding>> {
    return this.consuming.check(this.workers, {
      count: async (queues) => {
        this.counted.push([...queues]);
        return new Map(queues.flatMap((name) => (this.counts.has(name) ? [[name, this.of(name)]] : [])));
      },
      idle: async (nodes) => new Set(this.isIdle ? nodes : []),
    });
  }

  of(queue: string): QueueCount {
    return this.counts.get(queue) ?? { messages: 0, consumers: 0 };
  }
}

/** One worker `web` that lists a queue `q`, which the broker counts so. */
function world(count: QueueCount): World {
  const made = new World();
  made.add("web", "q");
  made.counts.set("q", count);
  return made;
}

describe("queues are counted", () => {
  test("each once in half a minute, for all workers that list it", async () => {
    const all = world({ messages: 0, consumers: 2 });
    all.add("more", "q");
    await all.pass(300);
    expect(all.counted.flat()).toHaveLength(10);
  });
  test("at times of their own, so that many are not asked for at once", async () => {
    const all = new World();
    for (let n = 0; n < 600; n++) {
      all.add(`w${n}`, `dq.w${n}`);
      all.counts.set(`dq.w${n}`, { messages: 0, consumers: 1 });
    }
    await all.pass(2 * 30);
    const sizes = all.counted.map((queues) => queues.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(600);
    expect(Math.max(...sizes)).toBeLessThan(200);
  });
  test("where nobody lists them no more", async () => {
    const all = world({ messages: 0, consumers: 1 });
    await all.pass(60);
    const before = all.counted.length;
    all.workers = [];
    await all.pass(300);
    expect(all.counted).toHaveLength(before);
  });
});

describe("nothing is wrong", () => {
  test.each<[string, QueueCount]>([
    ["where the broker counts as many consumers as list it", { messages: 0, consumers: 1 }],
    ["where it counts more: others consume too", { messages: 0, consumers: 5 }],
    ["where messages wait for another consumer, which may come first", { messages: 9, consumers: 2 }],
  ])("%s", async (_what, count) => {
    expect(await world(count).pass(600)).toEqual([]);
  });
  test("with a queue that the broker tells nothing of", async () => {
    const all = world({ messages: 0, consumers: 0 });
    all.counts.clear();
    expect(await all.pass(600)).toEqual([]);
  });
  test("where a consumer is missed once: it may just be coming", async () => {
    const all = world({ messages: 0, consumers: 0 });
    const isCounted = () => all.counted.length > 0;
    while (!isCounted()) expect(await all.pass(5)).toEqual([]);
    all.counts.set("q", { messages: 0, consumers: 1 });
    expect(await all.pass(600)).toEqual([]);
  });
  test("where messages wait for a worker that goes on to begin tasks", async () => {
    const all = world({ messages: 9, consumers: 1 });
    for (let n = 1; n < 30; n++) {
      all.begin("web", n);
      expect(await all.pass(10)).toEqual([]);
    }
  });
  test("where messages wait for a worker that has tasks", async () => {
    const all = world({ messages: 9, consumers: 1 });
    all.isIdle = false;
    expect(await all.pass(600)).toEqual([]);
  });
  test("where one of two that list a queue works: the other one is not accused", async () => {
    const all = world({ messages: 9, consumers: 2 });
    all.add("more", "q");
    for (let n = 1; n < 30; n++) {
      all.begin("more", n);
      expect(await all.pass(10)).toEqual([]);
    }
  });
});

describe("a worker that lists a queue without a consumer", () => {
  test("is to consume again at the second check, and to be restarted two checks later", async () => {
    const all = world({ messages: 3, consumers: 0 });
    expect(await all.pass(CHECK_MS / 1000 + 10)).toEqual(["web: consumers"]);
    expect(await all.pass(20)).toEqual(["web: restart"]);
  });
  test("is left alone where new consumers helped", async () => {
    const all = world({ messages: 3, consumers: 0 });
    expect(await all.pass(CHECK_MS / 1000 + 10)).toEqual(["web: consumers"]);
    all.counts.set("q", { messages: 0, consumers: 1 });
    expect(await all.pass(600)).toEqual([]);
  });
  test("has all its time again where it is another process by now", async () => {
    const all = world({ messages: 0, consumers: 0 });
    await all.pass(CHECK_MS / 1000 + 10);
    all.workers = all.workers.map((one) => ({ ...one, pid: 77 }));
    expect(await all.pass(25)).toEqual(["web: consumers"]);
  });
  test("is told which, on what evidence", async () => {
    const all = world({ messages: 3, consumers: 0 });
    let found: Finding | undefined;
    while (!found) {
      await all.clock.advance(INTERVAL_MS);
      found = (await all.check()).get("web");
    }
    expect(found).toEqual({
      step: "consumers",
      queues: ["q"],
      why: "not consuming: 1 of our workers list q, for which the broker counts 0 consumers",
      evidence: { queue: "q", consumers: 0, messages: 3, listed_by: 1 },
      isRepeated: false,
    });
  });
});

describe("of several workers that list a queue", () => {
  test("all consume again where one consumer is missing, and none is restarted: nobody knows whose it is", async () => {
    const all = world({ messages: 0, consumers: 1 });
    all.add("more", "q");
    expect(await all.pass(CHECK_MS / 1000 + 10)).toEqual(["web: consumers", "more: consumers"]);
    expect(await all.pass(20)).toEqual([]);
  });
  test("the first is restarted where no consumer is left", async () => {
    const all = world({ messages: 0, consumers: 0 });
    all.add("more", "q");
    await all.pass(CHECK_MS / 1000 + 10);
    expect(await all.pass(20)).toEqual(["more: restart"]);
  });
});

describe("where one consumer of several workers is missing for long", () => {
  const MEND_S = CHECK_MS / 1000 + 10;
  const HOUR_S = 3600;
  /** `web` and `more` list a queue with one consumer; both were told to consume again. */
  async function short(messages: number): Promise<World> {
    const all = world({ messages, consumers: 1 });
    all.add("more", "q");
    expect(await all.pass(MEND_S)).toEqual(["web: consumers", "more: consumers"]);
    return all;
  }

  test("the one is restarted that has nothing and begins nothing while messages wait and the other goes on", async () => {
    const all = await short(50);
    all.working.add("more");
    expect(await all.pass(20)).toEqual([]);
    expect(await all.pass(60)).toEqual(["web: restart"]);
  });
  test.each<[string, number, (all: World) => unknown]>([
    ["nothing waits", 0, (all) => all.working.add("more")],
    ["the one has tasks that take long", 50, (all) => all.working.add("more") && (all.isIdle = false)],
    ["both go on", 50, (all) => all.working.add("more").add("web")],
    ["neither goes on, as with long tasks", 50, (all) => (all.isIdle = false)],
  ])("none is restarted, and they consume again once an hour, where %s", async (_what, messages, arrange) => {
    const all = await short(messages);
    arrange(all);
    expect(await all.pass(HOUR_S - 30)).toEqual([]);
    expect(await all.pass(60)).toEqual(["web: consumers again", "more: consumers again"]);
    expect(await all.pass(HOUR_S - 60)).toEqual([]);
  });
  test("a third that consumes and has nothing is not restarted for it", async () => {
    const all = await short(50);
    all.add("third", "q");
    all.counts.set("q", { messages: 50, consumers: 2 });
    all.working.add("more");
    expect(await all.pass(HOUR_S / 2)).toEqual([]);
  });
  test("the same one is not restarted again within the hour: that did not help", async () => {
    const all = await short(50);
    all.working.add("more");
    expect(await all.pass(HOUR_S - 60)).toEqual(["web: restart"]);
  });
  test("its being over is told to those that were told of it", async () => {
    const all = await short(0);
    all.add("third", "q");
    all.counts.set("q", { messages: 0, consumers: 3 });
    expect(await all.pass(600)).toEqual(["web: over", "more: over"]);
  });
});

describe("messages that wait for workers which have nothing to do", () => {
  test("are a reason to consume again after a minute, and then to restart", async () => {
    const all = world({ messages: 9, consumers: 1 });
    expect(await all.pass(60)).toEqual([]);
    expect(await all.pass(60)).toEqual(["web: consumers", "web: restart"]);
  });
  test("are none where there was a check without any", async () => {
    const all = world({ messages: 9, consumers: 1 });
    for (let times = 0; times < 8; times++) {
      all.counts.set("q", { messages: times % 2, consumers: 1 });
      expect(await all.pass(35)).toEqual([]);
    }
  });
});

test("time in which nobody looked is no time in which messages waited", async () => {
  const all = world({ messages: 9, consumers: 1 });
  await all.pass(CHECK_MS / 1000);
  await all.clock.advance(3_600_000);
  expect(await all.pass(10)).toEqual([]);
});
