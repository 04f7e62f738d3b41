import { expect, test } from "bun:test";
import { Calls } from "../client/calls/calls.ts";
import { appDeletion, instanceState, queueDeletion, restartOfAll, startOfAll, stopOfAll } from "./waiting.ts";

/** A branch that answers each path with the next of its answers, the last one again and again. */
function branch(answers: Readonly<Record<string, readonly unknown[]>>): Calls {
  const asked = new Map<string, number>();
  return new Calls(async ({ path }) => {
    const all = answers[path] ?? [];
    const at = asked.get(path) ?? 0;
    asked.set(path, at + 1);
    return { status: 200, headers: new Headers(), text: JSON.stringify(all[Math.min(at, all.length - 1)]) };
  });
}

const status = (...instances: object[]) => ({ instances: instances.map((one) => ({ is_enabled: true, ...one })) });

test("starting all says who is not running yet; who is disabled is not waited for", async () => {
  const off = { name: "off", state: "disabled", is_enabled: false };
  const waiting = startOfAll(
    branch({
      "/api/status/": [
        status(off, { name: "a", state: "stopped" }, { name: "b", state: "stopped" }),
        status(off, { name: "a", state: "running" }, { name: "b", state: "starting" }),
        status(off, { name: "a", state: "running" }, { name: "b", state: "running" }),
      ],
    }),
  );
  expect(await waiting()).toBe("1 of 2 started, waiting for b");
  expect(await waiting()).toBe("");
});

test("restarting all says who is still the process from before", async () => {
  const running = (name: string, pid: number) => ({ name, pid, state: "running" });
  const names = ["a", "b", "c", "d", "e"];
  const before = status(...names.map((name, at) => running(name, at)));
  const after = status(...names.map((name, at) => running(name, name === "b" ? 99 : at)));
  const waiting = restartOfAll(branch({ "/api/status/": [before, after] }));
  expect(await waiting()).toBe("1 of 5 restarted, waiting for a, c, d and 1 more");
});

test("stopping all says who has not stopped", async () => {
  const waiting = stopOfAll(
    branch({ "/api/status/": [status({ name: "a", state: "stopped" }, { name: "b", state: "stopping" })] }),
  );
  expect(await waiting()).toBe("1 of 2 stopped, waiting for b");
});

test("one instance is as it is told, its stand-in too", async () => {
  const client = branch({
    "/shop/instances/web/": [
      { state: "stopping", branch: "b1", standin_pid: 7 },
      { state: "starting", branch: "b2", standin_pid: null },
    ],
  });
  const waiting = instanceState(client, "shop", "web");
  expect(await waiting()).toBe("it is stopping on b1, its stand-in consumes meanwhile");
  expect(await waiting()).toBe("it is starting on b2");
});

test("deleting an app says which of its instances are left", async () => {
  const waiting = appDeletion(branch({ "/shop/instances/": [["a", "b", "c"], ["c"]] }), "shop");
  expect(await waiting()).toBe("2 of 3 deleted, waiting for c");
});

test("deleting a queue says who still consumes from it", async () => {
  const waiting = queueDeletion(
    branch({
      "/shop/instances/": [
        [
          { name: "a", queues: ["t2"], state: "running" },
          { name: "b", queues: ["t2"], state: "running" },
          { name: "c", queues: ["t2"], state: "disabled" },
          { name: "d", queues: [], state: "running" },
        ],
      ],
      "/shop/instances/a/queues/": [{ t2: {} }],
      "/shop/instances/b/queues/": [{}],
    }),
    "shop",
    "t2",
  );
  expect(await waiting()).toBe("1 of 2 stopped consuming, waiting for a");
});
