import { closeSync, openSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { Brokers } from "../celery/brokers.ts";
import type { TaskBroker, TaskBrokerOptions } from "../celery/task-broker.ts";
import { webhookDir } from "../celery/webhook/install.ts";
import type { BranchIdentity } from "../controller/branches.ts";
import { Controller } from "../controller/controller.ts";
import { Results } from "../controller/results.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl, type Broker } from "../domain/broker.ts";
import type { WebhookAllow } from "../domain/webhook.ts";
import { Api } from "../http/api.ts";
import type { GuardOptions } from "../http/guard.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { LinuxProcesses } from "../kit/processes.ts";
import { Store } from "../store/store.ts";
import type { Rate } from "../supervisor/death.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import type { BranchDirectory } from "./directory.ts";

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
  readonly waitAfterBrokerRevivedMs: number;
  readonly unresponsiveAfterMs: number;
  readonly resultExpiresMs: number;
  readonly nowaitSendMs: number;
  readonly maxBody: number;
  readonly guard: GuardOptions;
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
    resultQueue: `cyme.results.${branchId}`,
    onReports: (reports) => results.heard(reports),
    onTakenLate: (id) => controller.tasks.takenLate(id),
  });
  const supervisor = new Supervisor({
    store,
    brokers,
    clock,
    log,
    processes: new LinuxProcesses(),
    maxStarting: 2 * availableParallelism(),
    settings: {
      branchId,
      instanceDir: directory.path,
      webhookDir: webhookDir(directory.path),
      defaultBroker: broker,
      defaultCommand: plan.command,
      intervalMs: plan.intervalMs,
      restartMaxRate: plan.restartMaxRate,
      waitAfterBrokerRevivedMs: plan.waitAfterBrokerRevivedMs,
      unresponsiveAfterMs: plan.unresponsiveAfterMs,
      env: process.env,
    },
  });
  const { nowaitSendMs } = plan;
  const own = { nowaitSendMs, branchId, instanceDir: directory.path, defaultBroker: broker };
  const parts = { store, brokers, taskBrokers, supervisor, results, clock, log: log.with({ part: "tasks" }), ...own };
  const controller = new Controller(parts, { identity: plan.identity, shutDown: plan.shutDown });
  const api = new Api({
    controller,
    branchId,
    brokerOf: ({ app, broker: named }) => named ?? store.apps.get(app)?.broker ?? broker,
    log: log.with({ part: "http" }),
    maxBody: plan.maxBody,
    guard: plan.guard,
  });
  return { store, brokers, taskBrokers, supervisor, results, controller, api };
}

/** Opens the database; what it and its companions hold is for the user alone. Throws StoreError. */
export function openStore(directory: BranchDirectory): Store {
  closeSync(openSync(directory.database, "a", 0o600));
  return new Store(directory.database);
}

/** The id that was asked for, or the stored one, or one made from the name of the machine; it is stored. */
export function settleBranchId(store: Store, asked: string | undefined): string {
  const id = asked ?? store.settings.get("branch_id") ?? makeBranchId();
  store.write(() => store.settings.set("branch_id", id));
  return id;
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
