import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { HISTORY_LENGTH } from "./history.ts";
import { Store } from "./store.ts";
import { appOf, brokerOf, instanceOf, queueOf, scratchFolder } from "./test-support.ts";

/** A store with the app `shop`, its queue `t2` and its instance `web`. */
function setup() {
  const store = new Store(":memory:");
  store.apps.put(appOf("shop"));
  store.queues.put(queueOf("shop", "t2"));
  store.instances.put(instanceOf("shop", "web"));
  return Object.assign(store, { [Symbol.dispose]: () => store.close() });
}

const count = (store: Store) => [store.apps.names().length, store.instances.count(), store.queues.names("shop").length];

describe("write()", () => {
  test("does all of it, and gives what the work gives", () => {
    using store = setup();
    const result = store.write(() => {
      store.apps.put(appOf("b"));
      store.queues.put(queueOf("b", "q"));
      return "done";
    });
    expect([result, store.apps.names(), store.queues.names("b")]).toEqual(["done", ["b", "shop"], ["q"]]);
  });

  test("does nothing of it where it throws, and throws the same", () => {
    using store = setup();
    const error = new CymeError("conflict", "no");
    expect(() =>
      store.write(() => {
        store.apps.put(appOf("b", { broker: brokerOf("b") }));
        store.instances.remove("web");
        store.write(() => store.queues.remove("shop", "t2"));
        throw error;
      }),
    ).toThrow(error);
    expect(count(store)).toEqual([1, 1, 1]);
  });

  test("inside of another joins it", () => {
    using store = setup();
    store.write(() => {
      store.write(() => store.apps.put(appOf("b")));
      store.apps.put(appOf("c"));
    });
    expect(store.apps.names()).toEqual(["b", "c", "shop"]);
  });

  test("keeps nothing in memory of a broker that was not stored in the end", () => {
    using store = setup();
    expect(() =>
      store.write(() => {
        store.apps.put(appOf("b", { broker: brokerOf("never") }));
        expect(store.apps.get("b")?.broker).toEqual(brokerOf("never"));
        throw new Error("no");
      }),
    ).toThrow("no");
    store.apps.put(appOf("b", { broker: brokerOf("stored") }));
    expect(store.apps.get("b")?.broker).toEqual(brokerOf("stored"));
  });
});

describe("the tables", () => {
  test("give back what was put, every field of it, and put again changes it", () => {
    using store = setup();
    const full = {
      broker: brokerOf("a"),
      arguments: "-A proj",
      extraConfig: "a=b",
      command: "python3 -m celery",
      cwd: "/srv",
      env: { A: "ü" },
      stopTimeoutS: 0.5,
    };
    const app = appOf("full", { ...full, isDeleted: true, createdAtMs: Date.now() });
    const queue = queueOf("full", "q", {
      exchange: "e",
      exchangeType: "topic",
      routingKey: "k.#",
      options: { durable: false, queue_arguments: { a: [1, { b: null }] } },
      createdAtMs: 7,
    });
    const instance = instanceOf("full", "i", {
      ...full,
      pool: "threads",
      maxConcurrency: 8,
      minConcurrency: 0,
      isEnabled: false,
      disabledReason: "because",
      isHeld: true,
      isDeleted: true,
      restartSeq: 3,
      isRolling: true,
      queues: ["q"],
      createdAtMs: 9,
    });
    store.apps.put(app);
    store.queues.put(queue);
    store.instances.put(instance);
    expect([store.apps.get("full"), store.queues.get("full", "q"), store.instances.get("i")]).toEqual([
      app,
      queue,
      instance,
    ]);
    const [plainApp, plainQueue, plainInstance] = [appOf("full"), queueOf("full", "q"), instanceOf("full", "i")];
    store.apps.put(plainApp);
    store.queues.put(plainQueue);
    store.instances.put(plainInstance);
    expect([store.apps.get("full"), store.queues.get("full", "q"), store.instances.get("i")]).toEqual([
      plainApp,
      plainQueue,
      plainInstance,
    ]);
  });

  test("sort names, of queues to consume from too", () => {
    using store = setup();
    for (const name of ["b", "B", "a1", "a-", "a.", "a10", "_"]) store.queues.put(queueOf("shop", name));
    const sorted = ["B", "_", "a-", "a.", "a1", "a10", "b", "t2"];
    expect(store.queues.names("shop")).toEqual(sorted);
    store.instances.put(instanceOf("shop", "web", { queues: sorted.toReversed() }));
    expect(store.instances.get("web")?.queues).toEqual(sorted);
  });

  test("leave what is being deleted out of names and counts, but not out of what the supervisor reads", () => {
    using store = setup();
    store.instances.set("web", { isDeleted: true });
    store.apps.put(appOf("shop", { isDeleted: true }));
    expect([store.instances.names("shop"), store.instances.count(), store.apps.names()]).toEqual([[], 0, []]);
    expect([store.instances.all().length, store.instances.ofApp("shop").length, store.apps.all().length]).toEqual([
      1, 1, 1,
    ]);
    expect(store.instances.get("web")?.isDeleted).toBe(true);
  });

  test("set() says whether there was such an instance", () => {
    using store = setup();
    expect([store.instances.set("web", { isHeld: true }), store.instances.set("none", { isHeld: true })]).toEqual([
      true,
      false,
    ]);
    expect(store.instances.get("web")?.isHeld).toBe(true);
  });

  test("say in which other apps a queue has its name", () => {
    using store = setup();
    store.apps.put(appOf("b"));
    store.queues.put(queueOf("b", "t2", { routingKey: "k" }));
    expect(store.queues.namesakes("shop", "t2").map(({ app, routingKey }) => [app, routingKey])).toEqual([["b", "k"]]);
    expect(store.queues.namesakes("shop", "t3")).toEqual([]);
  });

  test("keep what the branch remembers of itself, each once", () => {
    using store = setup();
    store.settings.set("branch_id", "a");
    store.settings.set("branch_id", "b");
    expect([store.settings.get("branch_id"), store.settings.get("command")]).toEqual(["b", undefined]);
  });
});

describe("references", () => {
  test("keep an app while it has queues or instances", () => {
    using store = setup();
    expect(() => store.apps.remove("shop")).toThrow("FOREIGN KEY");
    store.instances.remove("web");
    expect(() => store.apps.remove("shop")).toThrow("FOREIGN KEY");
    store.queues.remove("shop", "t2");
    store.apps.remove("shop");
    expect(store.apps.get("shop")).toBeUndefined();
  });

  test("refuse instances and queues of no app, and consuming from no queue, or from another app's", () => {
    using store = setup();
    store.apps.put(appOf("b"));
    expect(() => store.queues.put(queueOf("none", "q"))).toThrow("FOREIGN KEY");
    expect(() => store.instances.put(instanceOf("none", "i"))).toThrow("FOREIGN KEY");
    expect(() => store.write(() => store.instances.put(instanceOf("shop", "web", { queues: ["none"] })))).toThrow(
      "FOREIGN KEY",
    );
    expect(() => store.write(() => store.instances.put(instanceOf("b", "i", { queues: ["t2"] })))).toThrow(
      "FOREIGN KEY",
    );
    expect([store.instances.get("web")?.queues, store.instances.get("i")]).toEqual([[], undefined]);
  });

  test("take all that belongs to an instance along when it is removed", () => {
    using store = setup();
    store.instances.put(instanceOf("shop", "web", { queues: ["t2"] }));
    store.workers.set("web", { pid: 7 });
    store.workers.addDeath("web", 1);
    store.history.add("web", { atMs: 1, did: "started", why: "so", evidence: {} });
    store.instances.remove("web");
    expect([store.workers.get("web").pid, store.workers.deathsSince("web", 0), store.history.of("web")]).toEqual([
      null,
      0,
      [],
    ]);
    expect(store.queues.remove("shop", "t2")).toEqual([]);
  });

  test("a queue that is removed is consumed by nobody any more, and it says by whom it was", () => {
    using store = setup();
    store.queues.put(queueOf("shop", "t3"));
    store.instances.put(instanceOf("shop", "web", { queues: ["t2", "t3"] }));
    store.instances.put(instanceOf("shop", "web2", { queues: ["t2"] }));
    expect(store.queues.remove("shop", "t2").toSorted()).toEqual(["web", "web2"]);
    expect([store.instances.get("web")?.queues, store.instances.get("web2")?.queues]).toEqual([["t3"], []]);
  });
});

describe("brokers", () => {
  test("are stored once, and every part tells them apart", () => {
    using store = setup();
    const broker = brokerOf("a");
    const others = [
      { ...broker, scheme: "amqps" as const },
      { ...broker, hostname: "h" },
      { ...broker, port: 1 },
      { ...broker, userid: "u" },
      { ...broker, password: "p" },
      { ...broker, virtualHost: "b" },
    ];
    const ids = [broker, ...others].map((one) => store.brokers.idOf(one));
    expect(new Set(ids).size).toBe(7);
    expect([broker, ...others].map((one) => store.brokers.idOf({ ...one }))).toEqual(ids);
    expect(ids.map((id) => store.brokers.get(id))).toEqual([broker, ...others]);
  });

  test("none is the default one", () => {
    using store = setup();
    expect([store.brokers.idOrNull(null), store.brokers.find(null)]).toEqual([null, null]);
    expect(() => store.brokers.get(99)).toThrow("no broker 99");
  });
});

describe("workers", () => {
  test("are none at first", () => {
    using store = setup();
    expect(store.workers.get("web")).toMatchObject({ pid: null, restarts: 0, restartSeq: 0, termSentAtMs: null });
  });

  test("keep what is not set, and forget the process but not the count of restarts", () => {
    using store = setup();
    store.workers.set("web", { pid: 7, startTicks: 8, bootId: "b", startedFor: "people", restartSeq: 2 });
    store.workers.set("web", { termSentAtMs: 9, termReason: "wish", restarts: 3 });
    expect(store.workers.get("web")).toMatchObject({
      pid: 7,
      startTicks: 8,
      termSentAtMs: 9,
      restarts: 3,
      restartSeq: 2,
    });
    store.workers.clear("web");
    expect(store.workers.get("web")).toEqual({
      pid: null,
      startTicks: null,
      bootId: null,
      node: null,
      brokerId: null,
      startedAtMs: null,
      startedFor: null,
      restartSeq: 0,
      answeredAtMs: null,
      termSentAtMs: null,
      termReason: null,
      restarts: 3,
      ageMs: 0,
    });
  });

  test("count the deaths after a moment, their own alone", () => {
    using store = setup();
    store.instances.put(instanceOf("shop", "web2"));
    for (const atMs of [100, 200, 300]) store.workers.addDeath("web", atMs);
    store.workers.addDeath("web2", 300);
    expect([99, 100, 200, 299, 300].map((sinceMs) => store.workers.deathsSince("web", sinceMs))).toEqual([
      3, 2, 1, 1, 0,
    ]);
    expect(store.workers.deathsSince("web2", 0)).toBe(1);
  });

  test("drop deaths that lie ahead of the clock, which was set back since", () => {
    using store = setup();
    for (const atMs of [100, 200, 300]) store.workers.addDeath("web", atMs);
    expect(store.workers.deathsSince("web", 50, 150)).toBe(1);
    expect(store.workers.deathsSince("web", 0)).toBe(1);
  });

  test("drop deaths that no longer count, and all of them when they are forgiven", () => {
    using store = setup();
    for (const atMs of [100, 200, 300]) store.workers.addDeath("web", atMs);
    store.workers.deathsSince("web", 150);
    expect(store.workers.deathsSince("web", 0)).toBe(2);
    store.workers.forgetDeaths("web");
    expect(store.workers.deathsSince("web", 0)).toBe(0);
  });
});

describe("history", () => {
  const entry = (n: number) => ({ atMs: n, did: `did ${n}`, why: "why", evidence: { n, list: [1] } });

  test("is told newest first, with its evidence", () => {
    using store = setup();
    store.history.add("web", entry(1));
    // The clock may be set back: the order is that of the doing.
    store.history.add("web", entry(0));
    expect(store.history.of("web")).toEqual([entry(0), entry(1)]);
  });

  test("keeps the last 500 of each instance", () => {
    using store = setup();
    store.instances.put(instanceOf("shop", "web2"));
    store.write(() => {
      store.history.add("web2", entry(-1));
      for (let n = 0; n < HISTORY_LENGTH + 20; n++) store.history.add("web", entry(n));
    });
    const kept = store.history.of("web").map(({ atMs }) => atMs);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([HISTORY_LENGTH, HISTORY_LENGTH + 19, 20]);
    expect(HISTORY_LENGTH).toBe(500);
    expect(store.history.of("web2")).toEqual([entry(-1)]);
  });
});

describe("leftovers", () => {
  test("are kept once for each broker until they are removed", () => {
    using store = setup();
    const [a, b] = [brokerOf("a"), brokerOf("b")].map((broker) => ({ queue: "dq.web", broker }));
    if (!a || !b) throw new Error("unreachable");
    store.leftovers.add(a, 1);
    store.leftovers.add(a, 1);
    store.leftovers.add(b, 1);
    expect(store.leftovers.all()).toEqual([a, b]);
    store.leftovers.remove(a);
    expect(store.leftovers.all()).toEqual([b]);
  });
});

test("what one process wrote, another reads, and it is there after a restart", () => {
  using folder = scratchFolder();
  const path = folder.file("branch.db");
  const [daemon, command] = [new Store(path), new Store(path)];
  daemon.write(() => daemon.apps.put(appOf("shop", { broker: brokerOf("a") })));
  expect(command.apps.get("shop")?.broker).toEqual(brokerOf("a"));
  command.write(() => command.instances.put(instanceOf("shop", "web", { broker: brokerOf("b") })));
  expect(daemon.instances.get("web")?.broker).toEqual(brokerOf("b"));
  daemon.close();
  command.close();
  const again = new Store(path);
  expect(again.instances.get("web")).toEqual(instanceOf("shop", "web", { broker: brokerOf("b") }));
  again.check();
  again.close();
  expect(() => again.check()).toThrow();
});
