import { expect, test } from "bun:test";
import type { App } from "../domain/app.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { Queue } from "../domain/queue.ts";
import { seededRandom } from "../kit/test-support.ts";
import { Store } from "./store.ts";
import { appOf, brokerOf, instanceOf, queueOf } from "./test-support.ts";

/** What a store should hold, as plain maps; a queue's key is `app/name`. */
interface Model {
  readonly apps: Map<string, App>;
  readonly queues: Map<string, Queue>;
  readonly instances: Map<string, Instance>;
  /** Times of deaths, and what history says, by instance. */
  readonly deaths: Map<string, number[]>;
  readonly did: Map<string, string[]>;
  readonly pids: Map<string, number>;
  readonly leftovers: Map<string, { queue: string; broker: Broker }>;
}

const emptyModel = (): Model => ({
  apps: new Map(),
  queues: new Map(),
  instances: new Map(),
  deaths: new Map(),
  did: new Map(),
  pids: new Map(),
  leftovers: new Map(),
});

/** One random operation on both; throws Undone where the references would break. */
type Operation = (store: Store, model: Model) => void;

class Undone extends Error {}

/** Does what the store must refuse, or must not. */
function attempt(isRefused: boolean, work: () => void): void {
  if (!isRefused) return work();
  expect(work).toThrow("FOREIGN KEY");
  throw new Undone();
}

function operations(random: () => number): Operation[] {
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  const chance = (share: number) => random() < share;
  const appName = () => pick(APPS);
  const queueName = () => pick(["q1", "q2", "q3"]);
  const instanceName = () => pick(INSTANCES);
  const launch = () => ({
    broker: chance(0.5) ? null : brokerOf(`v${Math.floor(random() * 300)}`),
    env: chance(0.5) ? null : { A: pick(["1", "ü"]) },
    arguments: chance(0.5) ? null : "-A x",
    stopTimeoutS: chance(0.5) ? null : random(),
  });
  const some = (names: readonly string[]) => names.filter(() => chance(0.4));

  return [
    (store, model) => {
      const app = appOf(appName(), { ...launch(), isDeleted: chance(0.2) });
      model.apps.set(app.name, app);
      store.apps.put(app);
    },
    (store, model) => {
      const name = appName();
      const isUsed = [...model.queues.values(), ...model.instances.values()].some(({ app }) => app === name);
      if (!isUsed) model.apps.delete(name);
      attempt(isUsed, () => store.apps.remove(name));
    },
    (store, model) => {
      const options = chance(0.5) ? null : { durable: chance(0.5) };
      const queue = queueOf(appName(), queueName(), { options, routingKey: pick(["k", "l"]) });
      const isOrphan = !model.apps.has(queue.app);
      if (!isOrphan) model.queues.set(`${queue.app}/${queue.name}`, queue);
      attempt(isOrphan, () => store.queues.put(queue));
    },
    (store, model) => {
      const [app, name] = [appName(), queueName()];
      model.queues.delete(`${app}/${name}`);
      const consumers = [...model.instances.values()].filter((one) => one.app === app && one.queues.includes(name));
      for (const one of consumers) {
        model.instances.set(one.name, { ...one, queues: one.queues.filter((queue) => queue !== name) });
      }
      expect(store.queues.remove(app, name).toSorted()).toEqual(consumers.map((one) => one.name).toSorted());
    },
    (store, model) => {
      const name = instanceName();
      // An instance never changes its app.
      const app = model.instances.get(name)?.app ?? appName();
      const queues = some(["q1", "q2", "q3"]);
      const instance = instanceOf(app, name, { ...launch(), queues, isEnabled: chance(0.5), isDeleted: chance(0.2) });
      const isOrphan = !model.apps.has(app) || queues.some((queue) => !model.queues.has(`${app}/${queue}`));
      if (!isOrphan) model.instances.set(name, instance);
      attempt(isOrphan, () => store.instances.put(instance));
    },
    (store, model) => {
      const name = instanceName();
      const fields = { restartSeq: Math.floor(random() * 9), isHeld: chance(0.5) };
      const before = model.instances.get(name);
      if (before) model.instances.set(name, { ...before, ...fields });
      expect(store.instances.set(name, fields)).toBe(before !== undefined);
    },
    (store, model) => {
      const name = instanceName();
      for (const map of [model.instances, model.deaths, model.did, model.pids]) map.delete(name);
      store.instances.remove(name);
    },
    (store, model) => {
      const [name, atMs] = [instanceName(), Math.floor(random() * 100)];
      if (!model.instances.has(name)) return;
      model.deaths.set(name, [...(model.deaths.get(name) ?? []), atMs]);
      model.did.set(name, [`died ${atMs}`, ...(model.did.get(name) ?? [])]);
      store.workers.addDeath(name, atMs);
      store.history.add(name, { atMs, did: `died ${atMs}`, why: "", evidence: {} });
    },
    (store, model) => {
      const [name, pid] = [instanceName(), Math.floor(random() * 100)];
      if (!model.instances.has(name)) return;
      model.pids.set(name, pid);
      store.workers.set(name, { pid });
    },
    (store, model) => {
      const name = instanceName();
      if (!model.instances.has(name)) return;
      model.pids.delete(name);
      store.workers.clear(name);
    },
    (store, model) => {
      const leftover = { queue: `dq.${instanceName()}`, broker: brokerOf(pick(["v1", "v5"])) };
      const key = `${leftover.queue} ${leftover.broker.virtualHost}`;
      if (chance(0.5)) {
        model.leftovers.set(key, leftover);
        store.leftovers.add(leftover, 1);
      } else {
        model.leftovers.delete(key);
        store.leftovers.remove(leftover);
      }
    },
  ];
}

const byName = <T extends { name: string }>(rows: Iterable<T>) =>
  [...rows].toSorted((a, b) => (a.name < b.name ? -1 : 1));

const APPS = ["a", "b", "c"];
const INSTANCES = ["i1", "i2", "i3", "i4", "i5"];

function wanted(model: Model) {
  const apps = byName(model.apps.values());
  const instances = byName(model.instances.values());
  const namesOf = (rows: readonly { name: string; isDeleted: boolean }[]) =>
    rows.filter(({ isDeleted }) => !isDeleted).map(({ name }) => name);
  return {
    apps,
    names: namesOf(apps),
    instances,
    count: namesOf(instances).length,
    leftovers: [...model.leftovers.keys()].toSorted(),
    ofApps: APPS.map((app) => {
      const own = instances.filter((instance) => instance.app === app);
      const queues = byName([...model.queues.values()].filter((queue) => queue.app === app));
      return { queues, own, names: namesOf(own) };
    }),
    ofInstances: INSTANCES.map((name) => ({
      instance: model.instances.get(name),
      deaths: model.deaths.get(name)?.length ?? 0,
      did: model.did.get(name) ?? [],
      pid: model.pids.get(name) ?? null,
    })),
  };
}

function seen(store: Store): ReturnType<typeof wanted> {
  const leftovers = store.leftovers.all().map(({ queue, broker }) => `${queue} ${broker.virtualHost}`);
  return {
    apps: store.apps.all(),
    names: store.apps.names(),
    instances: store.instances.all(),
    count: store.instances.count(),
    leftovers: leftovers.toSorted(),
    ofApps: APPS.map((app) => ({
      queues: store.queues.all(app),
      own: store.instances.ofApp(app),
      names: [...store.instances.names(app)],
    })),
    ofInstances: INSTANCES.map((name) => ({
      instance: store.instances.get(name),
      deaths: store.workers.deathsSince(name, -1),
      did: store.history.of(name).map(({ did }) => did),
      pid: store.workers.get(name).pid,
    })),
  };
}

test.each([1, 2])("the store holds what plain maps would, whatever is done and undone (seed %d)", (seed) => {
  const random = seededRandom(seed);
  const all = operations(random);
  const store = new Store(":memory:");
  let model = emptyModel();
  const counts = { done: 0, undone: 0 };
  for (let step = 0; step < 120; step++) {
    const draft = structuredClone(model);
    const isUndone = random() < 0.2;
    try {
      store.write(() => {
        const length = 1 + Math.floor(random() * 3);
        for (let n = 0; n < length; n++) all[Math.floor(random() * all.length)]?.(store, draft);
        // What was read inside of a transaction that is undone must not be remembered.
        expect(seen(store)).toEqual(wanted(draft));
        if (isUndone) throw new Undone();
      });
      model = draft;
      counts.done++;
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
      counts.undone++;
    }
    expect(seen(store)).toEqual(wanted(model));
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
  store.close();
});
