import { closeSync, openSync } from "node:fs";
import { availableParallelism, hostname, loadavg } from "node:os";
import { Brokers } from "../celery/brokers.ts";
import { Claims } from "../cluster/claims.ts";
import { Cluster, type BusHooks } from "../cluster/cluster.ts";
import { Definitions } from "../cluster/definitions.ts";
import { Owners } from "../cluster/owners.ts";
import { Rollouts } from "../cluster/rollouts.ts";
import type { Bus } from "../bus/bus.ts";
import type { TaskBroker, TaskBrokerOptions } from "../celery/task-broker.ts";
import { webhookDir } from "../celery/webhook/install.ts";
import type { BranchIdentity } from "../controller/branches.ts";
import type { SelfReport } from "../controller/health.ts";
import { Controller } from "../controller/controller.ts";
import { RemoteDefinitions } from "../controller/remote-definitions.ts";
import { Results } from "../controller/results.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl, type Broker } from "../domain/broker.ts";
import type { Rate } from "../domain/rate.ts";
import { nextVersion } from "../domain/version.ts";
import type { WebhookAllow } from "../domain/webhook.ts";
import { Api } from "../http/api.ts";
import type { GuardOptions } from "../http/guard.ts";
import type { Page } from "../http/page.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { LinuxProcesses } from "../kit/processes.ts";
import { Store } from "../store/store.ts";
import { startPlaces } from "../supervisor/start-lanes.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { BranchDirectory } from "./directory.ts";
import { formerIds, rememberFormerId } from "./former-ids.ts";

/** What the parts of a branch are built from. */
export interface Plan {
  readonly directory: BranchDirectory;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly branchId: string;
  readonly broker: Broker;
  readonly command: string;
  readonly intervalMs: number;
  readonly restartMaxRate: Rate;
  readonly retryDisabledMs: number;
  readonly waitAfterBrokerRevivedMs: number;
  readonly unresponsiveAfterMs: number;
  readonly resultExpiresMs: number;
  readonly nowaitSendMs: number;
  readonly maxBody: number;
  readonly guard: GuardOptions;
  /** Whether everybody who reaches the address is admin while there is no user and no token. */
  readonly isOpen: boolean;
  /** Undefined where no daemon runs. */
  readonly page?: Page;
  /** Undefined where no daemon runs. */
  readonly self?: SelfReport;
  /** Undefined where no daemon runs: other branches are not reached then. */
  readonly openBus: ((hooks: BusHooks) => Bus) | undefined;
  readonly identity: () => BranchIdentity;
  readonly shutDown: () => void;
}

/** Where tasks are sent and results come from. */
interface TaskBrokerPool {
  use(broker: Broker): Pick<TaskBroker, "send" | "caughtUp">;
}

export interface Parts<Pool extends TaskBrokerPool> {
  readonly store: Store;
  readonly brokers: Brokers;
  readonly taskBrokers: Pool;
  readonly supervisor: Supervisor;
  readonly results: Results;
  readonly cluster: Cluster;
  readonly owners: Owners;
  readonly definitions: Definitions;
  readonly controller: Controller;
  readonly api: Api;
}

/** Builds the parts of a branch; none is started. The one place where they are put together. */
export function compose<Pool extends TaskBrokerPool>(
  plan: Plan,
  openTaskBrokers: (options: TaskBrokerOptions) => Pool,
): Parts<Pool> {
  const { directory, store, clock, log, branchId, broker } = plan;
  const brokers = new Brokers({ clock, log: log.with({ part: "broker" }), connectionName: `cyme ${branchId}` });
  const results = new Results({ store, clock, log: log.with({ part: "tasks" }), keptMs: plan.resultExpiresMs });
  const taskBrokers = openTaskBrokers({
    clock,
    log: log.with({ part: "tasks" }),
    connectionName: `cyme ${branchId} tasks`,
    resultQueue: resultQueue(branchId),
    formerQueues: () => formerIds(store, clock.now() - plan.resultExpiresMs).map(resultQueue),
    onReports: (reports) => results.heard(reports),
    onTakenLate: (id) => controller.tasks.takenLate(id),
  });
  const supervisor = new Supervisor({
    store,
    brokers,
    clock,
    log,
    processes: new LinuxProcesses(),
    startPlaces: () => startPlaces(availableParallelism(), loadavg()[0] ?? 0),
    // A copy of this branch that runs elsewhere has its workers there.
    mayStart: () => cluster.untilTried(),
    turns: {
      enter: (app, wake) => rollouts.enter(app, wake),
      halted: (halt) => rollouts.halted(halt),
    },
    settings: {
      branchId,
      instanceDir: directory.path,
      webhookDir: webhookDir(directory.path),
      defaultBroker: broker,
      defaultCommand: plan.command,
      intervalMs: plan.intervalMs,
      restartMaxRate: plan.restartMaxRate,
      retryDisabledMs: plan.retryDisabledMs,
      waitAfterBrokerRevivedMs: plan.waitAfterBrokerRevivedMs,
      unresponsiveAfterMs: plan.unresponsiveAfterMs,
      env: process.env,
    },
  });
  const clusterLog = log.with({ part: "cluster" });
  const cluster = new Cluster({ store, clock, log: clusterLog, branchId, openBus: plan.openBus });
  const rollouts = new Rollouts({ cluster, store, clock, log: clusterLog, keep: (halt) => supervisor.keep(halt) });
  const { random } = Math;
  const owners = new Owners({ store, clock, log: clusterLog, cluster, random });
  const claims = new Claims({ store, clock, cluster, owners, random });
  const { nowaitSendMs } = plan;
  const own = { nowaitSendMs, branchId, instanceDir: directory.path, defaultBroker: broker };
  const shared = { store, brokers, taskBrokers, supervisor, results, clock, cluster, owners, claims };
  const parts = { ...shared, log: log.with({ part: "tasks" }), ...own };
  const taker = new RemoteDefinitions(parts, clusterLog);
  const definitions = new Definitions({ cluster, store, clock, log: clusterLog, taker });
  const controller = new Controller(
    parts,
    { identity: plan.identity, shutDown: plan.shutDown, self: plan.self },
    definitions,
  );
  owners.onForgotten(() => definitions.takeState());
  const api = new Api({
    controller,
    branchId,
    brokerOf: ({ app, broker: named }) => named ?? store.apps.get(app)?.broker ?? broker,
    clock,
    log: log.with({ part: "http" }),
    maxBody: plan.maxBody,
    guard: plan.guard,
    isOpen: plan.isOpen,
    page: plan.page,
  });
  controller.elsewhere.serve((request, signal) => api.handleForwarded(request, signal));
  controller.live.serve((question) => api.answerLive(question));
  return { store, brokers, taskBrokers, supervisor, results, cluster, owners, definitions, controller, api };
}

/** Where results of tasks that a branch sends are sent to. */
const resultQueue = (branchId: string) => `cyme.results.${branchId}`;

/** Opens the database; what it and its companions hold is for the user alone. Throws StoreError. */
export function openStore(directory: BranchDirectory): Store {
  closeSync(openSync(directory.database, "a", 0o600));
  return new Store(directory.database);
}

/**
 * The id that was asked for, or the stored one, or one made from the name of the machine; it is stored. What the branch had
 * under another id it keeps.
 */
export function settleBranchId(store: Store, asked: string | undefined, nowMs: number, log: Log): string {
  const before = store.settings.get("branch_id");
  const id = asked ?? before ?? makeBranchId();
  store.write(() => {
    if (before !== undefined && before !== id) {
      passOn(store, before, id);
      rememberFormerId(store, before, id, nowMs);
    }
    store.settings.set("branch_id", id);
  });
  // Where no daemon ever ran, nobody else has heard of it.
  if (before !== undefined && before !== id && store.settings.get("broker") !== undefined) {
    const message =
      "this branch has another id than before: give the same --id as last time? The others take the old one for away until it is forgotten";
    log.warning(message, { was: before, is: id });
  }
  return id;
}

function passOn(store: Store, from: string, to: string): void {
  for (const owner of store.owners.ofBranch(from)) {
    // Just later than what is known, so that who was forgotten meanwhile takes no name from whom it was given to.
    store.owners.put({ ...owner, branch: to, version: nextVersion(owner.version, 0, to) });
  }
}

function makeBranchId(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
  return `${(host || "branch").slice(0, 50)}-${crypto.randomUUID().slice(0, 8)}`;
}

/** What a daemon was started with. */
export interface Defaults {
  readonly broker: Broker;
  readonly command: string;
  /** What URL tasks may reach; null for everything but what is always refused. */
  readonly allow: readonly WebhookAllow[] | null;
}

/** Remembers with what the branch was started, for commands that work without the daemon. */
export function rememberDefaults(store: Store, { broker, command, allow }: Defaults, log: Log): void {
  const before = store.settings.get("broker");
  if (before !== undefined && before !== brokerUrl(broker)) {
    const [was, is] = [brokerLabel(parseBrokerUrl("broker", before)), brokerLabel(broker)];
    log.warning("the default broker is another one than before: give the same --broker as last time?", { was, is });
  }
  store.write(() => {
    store.settings.set("broker", brokerUrl(broker));
    store.settings.set("command", command);
    store.settings.set("webhook_allow", JSON.stringify(allow));
  });
}

/** What URL tasks may reach by the last daemon; undefined where it did not say. Without a daemon ever they may reach all. */
export function rememberedAllow({ settings }: Store): Defaults["allow"] | undefined {
  const remembered = settings.get("webhook_allow");
  if (remembered !== undefined) return JSON.parse(remembered) as Defaults["allow"];
  return settings.get("broker") === undefined ? null : undefined;
}
