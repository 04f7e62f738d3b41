/**
 * Many branches in one process: the parts of the daemon, put together as it puts them, each with a store, connections and an API of its
 * own, but without a server and a supervisor. Started by `startCrowd`, which it speaks with by messages between processes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose, openStore, type Parts, type Plan } from "../../src/branch/compose.ts";
import { branchDirectory, makeDirectory } from "../../src/branch/directory.ts";
import { AmqpBus } from "../../src/bus/amqp-bus.ts";
import { TaskBrokers } from "../../src/celery/task-brokers.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl } from "../../src/domain/broker.ts";
import { newInstance } from "../../src/domain/instance.ts";
import { systemClock as clock } from "../../src/kit/clock.ts";
import { silentLog as log } from "../../src/kit/log.ts";
import { until } from "../harness/wait.ts";
import type { CrowdAnswer, CrowdRequest } from "./crowd-client.ts";

const TOGETHER_MS = 60_000;
/** How many come at once, as machines of a rack do. */
const AT_ONCE = 10;

interface SimulatedBranch {
  readonly id: string;
  readonly parts: Parts<TaskBrokers>;
  stop(): Promise<void>;
}

const branches: SimulatedBranch[] = [];

function start(id: string, url: string): SimulatedBranch {
  const directory = branchDirectory(mkdtempSync(join(tmpdir(), "cyme-crowd-")));
  makeDirectory(directory);
  const store = openStore(directory);
  const broker = parseBrokerUrl("broker", url);
  const startedAtMs = clock.now();
  const own = { id, url: "http://127.0.0.1:8000", port: 8000, version: "1", loglevel: "INFO", logfile: null, numc: 2 };
  const plan: Plan = {
    directory,
    store,
    clock,
    log,
    branchId: id,
    broker,
    command: "celery",
    intervalMs: 5_000,
    restartMaxRate: { count: 1, periodMs: 60_000, text: "1/m" },
    retryDisabledMs: 0,
    waitAfterBrokerRevivedMs: 35_000,
    unresponsiveAfterMs: 60_000,
    resultExpiresMs: 3_600_000,
    nowaitSendMs: 60_000,
    maxBody: 1 << 20,
    guard: { allowedHosts: [], corsOrigin: undefined },
    isOpen: true,
    openBus: ({ handle, facts }) => {
      const self = { id, key: id, version: "1", facts };
      const onRefused = (why: Error) => {
        throw why;
      };
      const options = { self, handle, controllers: own.numc, clock, log, onRefused };
      return new AmqpBus({ ...options, url: brokerUrl(broker), label: brokerLabel(broker) });
    },
    identity: () => ({ ...own, supIntervalS: 5, startedAtMs, pid: process.pid }),
    shutDown: () => {},
  };
  const parts = compose(plan, (given) => new TaskBrokers(given));
  parts.owners.start();
  parts.definitions.start();
  parts.cluster.start();
  const stop = async () => {
    parts.owners.stop();
    parts.definitions.stop();
    await parts.cluster.stop(clock.now() + 5_000);
    store.close();
    rmSync(directory.path, { recursive: true });
  };
  return { id, parts, stop };
}

const allSee = (count: number) => branches.every(({ parts }) => parts.cluster.members().length === count);

async function untilAllSee(count: number): Promise<void> {
  await until(() => allSee(count), { what: `all to see ${count} branches`, timeoutMs: TOGETHER_MS, everyMs: 1 });
}

/** Starts branches until there are `total` in the whole cluster, of which `elsewhere` are not in this process. */
async function grow({ url, total, elsewhere }: Extract<CrowdRequest, { do: "grow" }>): Promise<void> {
  while (branches.length < total - elsewhere) {
    const next = Math.min(AT_ONCE, total - elsewhere - branches.length);
    for (let i = 0; i < next; i++) branches.push(start(`crowd-${branches.length}`, url));
    await untilAllSee(branches.length + elsewhere);
  }
}

/** Gives each branch here that has none `count` disabled instances of an app which all have. */
async function fill({ app, count }: Extract<CrowdRequest, { do: "fill" }>): Promise<void> {
  for (const { id, parts } of branches) {
    const { store, owners } = parts;

    await parts.controller.apps.put(app, {}, { nowait: true, timeoutMs: 5000 });
    await until(() => store.apps.get(app), { what: `${id} to have the app`, timeoutMs: TOGETHER_MS });
    if (store.instances.count() > 0) continue;
    store.write(() => {
      for (let i = 0; i < count; i++) {
        const name = `${id}-${i}`;
        store.instances.put(newInstance({ name, app, nowMs: clock.now() }, { isEnabled: false }));
      }
    });
    owners.refresh();
  }
}

async function untilAgreed(): Promise<void> {
  const isAgreed = () => new Set(branches.map(({ parts }) => parts.owners.digest())).size === 1;
  await until(isAgreed, { what: "all to know the same names", timeoutMs: TOGETHER_MS });
}

async function perform(request: CrowdRequest): Promise<void> {
  switch (request.do) {
    case "grow":
      return grow(request);
    case "fill":
      return fill(request);
    case "agree":
      return untilAgreed();
    case "stop":
      await Promise.all(branches.map((branch) => branch.stop()));
      return;
    default:
      request satisfies never;
  }
}

function answer(of: CrowdAnswer): void {
  process.send?.(of);
}

process.on("message", (message) => {
  const request = message as CrowdRequest;
  const beginMs = performance.now();
  perform(request).then(
    () => {
      answer({ tookMs: performance.now() - beginMs });
      if (request.do === "stop") process.exit();
    },
    (error: unknown) => answer({ error: String(error) }),
  );
});
// Whoever started it has gone.
process.on("disconnect", () => process.exit());
