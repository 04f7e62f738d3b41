import type { AppDetail } from "../controller/apps.ts";
import type { BranchDetail, OtherBranch } from "../controller/branches.ts";
import type { Component, HealthReport, LoopLag } from "../controller/health.ts";
import type { InstanceDetail, Status } from "../controller/instances.ts";
import type { SentAndHeard } from "../controller/task-list.ts";
import { SAMPLE_MS, type SampleSeries, type SampleSet } from "../controller/samples.ts";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import { DEFAULT_STOP_TIMEOUT_S, type Launch } from "../domain/launch.ts";
import type { Queue } from "../domain/queue.ts";
import type { HistoryEntry } from "../domain/history.ts";

/*
 * What the API shows: the documented field names. Fields may be added, never renamed or dropped. Times are ISO 8601 in UTC.
 */

export const time = (ms: number) => new Date(ms).toISOString();

export function brokerView({ scheme, hostname, port, userid, password, virtualHost }: Broker) {
  return { hostname, port, userid, password, virtual_host: virtualHost, scheme };
}

function launchView(launch: Launch) {
  const { arguments: words, extraConfig, command, cwd, env, stopTimeoutS } = launch;
  return { arguments: words, extra_config: extraConfig, command, cwd, env, stop_timeout: stopTimeoutS };
}

/** `defaultBroker` is shown where the app names none. */
export function appView({ app, instances, queues }: AppDetail, defaultBroker: Broker) {
  const { name, createdAtMs } = app;
  return {
    name,
    broker: brokerView(app.broker ?? defaultBroker),
    ...launchView(app),
    stop_timeout: app.stopTimeoutS ?? DEFAULT_STOP_TIMEOUT_S,
    instances,
    queues,
    created_at: time(createdAtMs),
  };
}

/** `broker` is the one that the instance uses in the end; a field that is null is as on the app. */
export function instanceView({ instance, status }: InstanceDetail, branch: string, broker: Broker) {
  const seen = status === "gone" ? undefined : status;
  return {
    name: instance.name,
    app: instance.app,
    branch,
    is_enabled: instance.isEnabled,
    queues: instance.queues,
    broker: brokerView(broker),
    max_concurrency: instance.maxConcurrency,
    min_concurrency: instance.minConcurrency,
    pool: instance.pool,
    ...launchView(instance),
    restart_max_rate: instance.restartMaxRate,
    user: instance.user,
    max_memory: instance.maxMemory,
    max_age: instance.maxAgeS,
    created_at: time(instance.createdAtMs),
    state: seen?.state ?? "stopping",
    pid: seen?.pid ?? null,
    standin_pid: seen?.standinPid ?? null,
    since: time(seen?.sinceMs ?? instance.createdAtMs),
    restarts: seen?.restarts ?? 0,
    disabled_reason: disabledReason(instance, seen),
    why: disabledReason(instance, seen) ?? (seen ? (brokerTrouble(seen) ?? seen.lastDeath) : null),
    is_held: instance.isHeld,
  };
}

/** With the time when it is tried again, where it is. */
function disabledReason({ disabledReason: reason }: Instance, seen: Status | undefined): string | null {
  if (reason === null || !seen || seen.retryAtMs === null) return reason;
  return `${reason}; it is tried again at ${time(seen.retryAtMs)}`;
}

/** Why a worker that is wanted does not answer, where that is the broker's doing. */
function brokerTrouble({ state, link }: Status): string | null {
  const isAffected = state === "unknown" || state === "backoff" || state === "starting";
  if (!isAffected || link.is !== "away") return null;
  return `${link.refused ? "the broker refuses the login" : "the broker is away"}: ${link.reason}`;
}

export function queueView({ name, exchange, exchangeType, routingKey, options, createdAtMs }: Queue) {
  return {
    name,
    exchange,
    exchange_type: exchangeType,
    routing_key: routingKey,
    options,
    created_at: time(createdAtMs),
  };
}

/** Null where the broker did not say. */
export function depthView({ app, name }: Queue, count: { messages: number; consumers: number } | undefined) {
  return { app, name, messages: count?.messages ?? null, consumers: count?.consumers ?? null };
}

export function historyView({ atMs, did, why, evidence }: HistoryEntry) {
  return { at: time(atMs), did, why, evidence };
}

export function branchView(branch: BranchDetail) {
  const { id, url, port, version, loglevel, logfile, numc, supIntervalS, startedAtMs, instances } = branch;
  return {
    id,
    url,
    port,
    version,
    loglevel,
    logfile,
    numc,
    sup_interval: supIntervalS,
    started_at: startedAtMs === null ? null : time(startedAtMs),
    instances,
    load_average: branch.loadAverage,
    disk_use: branch.diskUse,
    broker: branch.broker,
    instance_dir: branch.instanceDir,
    pid: branch.pid,
  };
}

export function otherBranchView({ id, isUp, url, version, instances, seenAtMs }: OtherBranch) {
  return { id, is_up: isUp, url, version, instances, seen_at: seenAtMs === null ? null : time(seenAtMs) };
}

export function healthView({ state, store, bus, supervisor, http, results, loop, brokers }: HealthReport) {
  return {
    state,
    store: component(store),
    bus: component(bus),
    supervisor: component(supervisor),
    http: component(http),
    results: component(results),
    loop: loop ? loopView(loop) : null,
    brokers: Object.fromEntries(Object.entries(brokers).map(([label, link]) => [label, component(link)])),
  };
}

const loopView = ({ lagMs, held }: LoopLag) => ({
  lag_ms: lagMs,
  held_at: held ? time(held.atMs) : null,
  held_ms: held ? held.forMs : null,
});

const component = ({ sinceMs, ...rest }: Component) => ({ ...rest, since: time(sinceMs) });

/** `branch` is the one that sent it. */
export function taskRowView(task: SentAndHeard, branch: string) {
  return {
    uuid: task.id,
    app: task.app,
    queue: task.queue,
    name: task.name,
    method: task.method,
    url: task.url,
    state: task.state,
    sent_at: time(task.sentAtMs),
    touched_at: time(task.touchedAtMs),
    branch,
  };
}

export function samplesView({ at, cpu, rss, tasks }: SampleSeries) {
  return { interval: SAMPLE_MS / 1000, at, cpu, rss, tasks };
}

export const samplesEventView = ({ atMs, instances }: SampleSet) => ({ at: time(atMs), instances });
