import { describe, expect, test } from "bun:test";
import type { Control, Gathered } from "../celery/control.ts";
import { askWorkers, idleWorkers } from "./observe.ts";

/** Remote control that answers what it is given, by method and node. */
function control(answers: Record<string, Record<string, unknown>>): { control: Control; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    control: {
      async ask(method, _args, nodes, timeoutMs): Promise<Gathered> {
        asked.push(`${method} ${nodes.join(",")} ${timeoutMs}`);
        const replies = new Map(Object.entries(answers[method] ?? {}));
        return { replies, silent: nodes.filter((node) => !replies.has(node)) };
      },
      cast: () => Promise.resolve(),
      echo: () => Promise.resolve(true),
      onReply: () => () => {},
    },
  };
}

const stats = { autoscaler: { max: 4, min: 1, current: 2, qty: 1 }, total: { "work.add": 5, "work.nap": 2 } };

describe("idleWorkers()", () => {
  test("tells those that say that they have no task, of whatever kind", async () => {
    const none = { idle: [], runs: [], waits: [], sleeps: [], odd: [] };
    const remote = control({
      active: { ...none, runs: [{}] },
      reserved: { ...none, waits: [{}], odd: { error: "x" } },
      scheduled: { ...none, sleeps: [{}] },
    });
    const asked = ["idle", "runs", "waits", "sleeps", "odd", "silent"];
    expect(await idleWorkers(remote.control, asked, 1)).toEqual(new Set(["idle"]));
  });
});

describe("askWorkers()", () => {
  test("asks all in two broadcasts", async () => {
    const remote = control({});
    await askWorkers(remote.control, ["a@b", "c@b"], 500);
    expect(remote.asked).toEqual(["active_queues a@b,c@b 500", "stats a@b,c@b 500"]);
  });

  test("asks nobody where there is nobody, which Celery would take for everybody", async () => {
    const remote = control({});
    expect((await askWorkers(remote.control, [], 500)).size).toBe(0);
    expect(remote.asked).toEqual([]);
  });

  test("tells queues and bounds of those who answered both", async () => {
    const remote = control({
      active_queues: { both: [{ name: "q", routing_key: "k" }, { name: "r" }], queues: [], nothing: [] },
      stats: { both: stats, stats, nothing: {} },
    });
    expect(await askWorkers(remote.control, ["both", "queues", "stats", "nothing", "silent"], 1)).toEqual(
      new Map([
        ["both", { queues: ["q", "r"], bounds: { max: 4, min: 1 }, pool: { processes: 2, tasks: 1 }, begunTasks: 7 }],
        ["nothing", { queues: [], bounds: null, pool: null, begunTasks: 0 }],
      ]),
    );
  });

  test.each([[null], [{ error: "x" }], ["text"], [5]])("takes %j for no answer about queues", async (answer) => {
    const remote = control({ active_queues: { a: answer }, stats: { a: stats } });
    expect((await askWorkers(remote.control, ["a"], 1)).size).toBe(0);
  });

  test("leaves out queues without a name", async () => {
    const remote = control({ active_queues: { a: [{ name: "q" }, {}, null, { name: 5 }] }, stats: { a: stats } });
    expect((await askWorkers(remote.control, ["a"], 1)).get("a")?.queues).toEqual(["q"]);
  });

  test.each([[{}], [{ autoscaler: null }], [{ autoscaler: { max: "4", min: 1 } }], [{ autoscaler: { max: 4 } }], [[]]])(
    "finds no bounds in %j",
    async (answer) => {
      const remote = control({ active_queues: { a: [] }, stats: { a: answer } });
      expect((await askWorkers(remote.control, ["a"], 1)).get("a")?.bounds).toBeNull();
    },
  );
});
