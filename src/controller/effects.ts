import type { App } from "../domain/app.ts";
import { explained, keptError, together } from "../domain/failures.ts";
import { restartOf, type Instance } from "../domain/instance.ts";
import { resolveLaunch } from "../domain/launch.ts";
import { sameQueue, type Queue } from "../domain/queue.ts";
import { refuseAway, waitFor, type CallOptions, type Parts } from "./context.ts";
import { hasSettled, settle, untilGone } from "./settle.ts";

/*
 * What a change of an app or a queue does to the instances of this branch, whoever made the change: here, or on another
 * branch. Each change is stored in a transaction of the caller, who then wakes, and may wait.
 */

/** What those work with that change apps and queues. */
export type DefinitionParts = Pick<
  Parts,
  "store" | "brokers" | "supervisor" | "clock" | "branchId" | "defaultBroker"
> & {
  readonly owners: Names;
};

/** Tells the others which names this branch has. */
export type Names = Pick<Parts["owners"], "refresh">;

/** What a change asks of one instance. */
export type Effect =
  /** `queues` are those that the change is about, see `settle`. */
  | { readonly do: "restart"; readonly instance: Instance; readonly queues: readonly string[] }
  | { readonly do: "delete"; readonly instance: string }
  | { readonly do: "stop consuming"; readonly instance: string; readonly queue: string };

const UNKNOWN_APP = "the cluster does not know its app";

type Stored = Pick<Parts, "store" | "defaultBroker">;

/**
 * Stores an app. Running workers that would be started otherwise than they were are asked to restart, one by one; those that were
 * stopped because the cluster did not know the app are started.
 */
export function storeApp(parts: Stored, before: App | undefined, after: App): Effect[] {
  const { store, defaultBroker } = parts;
  store.apps.put(after);
  if (!before) return enableUnknown(parts, after.name);
  const defaults = { broker: defaultBroker, command: "" };
  const isOutdated = (instance: Instance) => {
    const { stopTimeoutS: _before, ...was } = resolveLaunch(instance, before, defaults);
    const { stopTimeoutS: _after, ...is } = resolveLaunch(instance, after, defaults);
    return !Bun.deepEquals(was, is);
  };
  const isMoved = !Bun.deepEquals(before.broker, after.broker);
  const outdated = store.instances.ofApp(after.name).filter(isOutdated);
  return askForRestarts(parts, outdated, ({ broker, queues }) => (isMoved && !broker ? queues : []));
}

/** Has the instances of an app that the cluster does not know stopped, for somebody to decide. */
export function disableUnknown({ store }: Stored, app: string): Effect[] {
  const instances = store.instances.ofApp(app).filter(({ isDeleted }) => !isDeleted);
  // Also those that would be enabled again by themselves.
  const wanted = instances.filter(({ isEnabled, limitedAtMs }) => isEnabled || limitedAtMs !== null);
  return wanted.map((instance) => switchInstance(store, instance, { isEnabled: false, disabledReason: UNKNOWN_APP }));
}

/** The app is known again. */
function enableUnknown({ store }: Stored, app: string): Effect[] {
  const unknown = store.instances.ofApp(app).filter(({ disabledReason }) => disabledReason === UNKNOWN_APP);
  return unknown.map((instance) => switchInstance(store, instance, { isEnabled: true, disabledReason: null }));
}

function switchInstance(
  store: Stored["store"],
  instance: Instance,
  fields: Pick<Instance, "isEnabled" | "disabledReason">,
): Effect {
  store.instances.set(instance.name, { ...fields, limitedAtMs: null });
  return { do: "restart", instance: { ...instance, ...fields }, queues: [] };
}

/** Stores that an app is to go, with its instances. */
export function storeAppDeletion({ store }: Stored, app: App): Effect[] {
  store.apps.put({ ...app, isDeleted: true });
  const owned = store.instances.ofApp(app.name);
  for (const { name } of owned) store.instances.set(name, { isDeleted: true });
  return owned.map(({ name }) => ({ do: "delete", instance: name }));
}

/** Stores a declaration. Running workers that consume from the queue are asked to restart, one by one. */
export function storeQueue(parts: Stored, before: Queue | undefined, after: Queue): Effect[] {
  const { store } = parts;
  store.queues.put(after);
  if (!before || sameQueue(before, after)) return [];
  const consuming = store.instances.ofApp(after.app).filter(({ queues }) => queues.includes(after.name));
  return askForRestarts(parts, consuming, () => [after.name]);
}

/** Stores that a declaration goes; nobody consumes from the queue any more. */
export function storeQueueDeletion({ store }: Stored, app: string, name: string): Effect[] {
  const instances = store.queues.remove(app, name);
  return instances.map((instance) => ({ do: "stop consuming", instance, queue: name }));
}

function askForRestarts(
  { store }: Stored,
  instances: readonly Instance[],
  queuesOf: (instance: Instance) => readonly string[],
): Effect[] {
  const running = instances.filter(({ isEnabled, isHeld, isDeleted }) => isEnabled && !isHeld && !isDeleted);
  return running.map((instance) => {
    const fields = restartOf(instance, { isRolling: true });
    store.instances.set(instance.name, fields);
    return { do: "restart", instance: { ...instance, ...fields }, queues: queuesOf(instance) };
  });
}

/** Has the supervisor begin with what was stored. */
export function begin({ supervisor }: Pick<Parts, "supervisor">, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.do === "restart") supervisor.wake(effect.instance.name, "people");
    else supervisor.wake(effect.instance);
  }
  supervisor.removeEmptyApps();
}

/** What those wait with that see what becomes of effects. */
type Seeing = Pick<Parts, "supervisor" | "store"> & { readonly owners: Names };

/**
 * Waits until all of it is done; throws what `settle` and `waitFor` throw, and of instances that fail, or are kept since
 * another one did, one error that names them all.
 */
export async function untilDone(parts: Seeing, effects: readonly Effect[], options: CallOptions): Promise<void> {
  if (options.nowait || effects.length === 0) return;
  const deleted = new Set(effects.flatMap((effect) => (effect.do === "delete" ? [effect.instance] : [])));
  await together(
    effects.map((effect) => {
      switch (effect.do) {
        case "restart":
          // A later one of these changes may have deleted it.
          if (deleted.has(effect.instance.name)) return undefined;
          return untilRestarted(parts, effect.instance, options, effect.queues);
        case "delete":
          return untilGone(parts, effect.instance, options);
        case "stop consuming":
          return untilCancelled(parts, effect.instance, effect.queue, options);
        default:
          return effect satisfies never;
      }
    }),
  );
  parts.supervisor.removeEmptyApps();
  // At once, and not only in the next round: the names are free.
  if (deleted.size > 0) await parts.owners.refresh();
}

/** Waits until the own effects are done and what was `told` to the others; what failed anywhere is one error for people. */
export async function untilDoneEverywhere(done: Promise<void>, told: Promise<void> | undefined): Promise<void> {
  try {
    await together([done, told]);
  } catch (error) {
    throw explained(error);
  }
}

/** As `settle`; throws as well where the restart was taken back, since another instance did not come back from its own. */
async function untilRestarted(
  parts: Seeing,
  instance: Instance,
  options: CallOptions,
  queues: readonly string[],
): Promise<void> {
  const { store } = parts;
  if (!instance.isEnabled) return settle(parts, instance, options, queues);
  await waitFor(parts, instance.name, options, (status) => {
    const wished = store.instances.get(instance.name);
    if (wished && wished.restartSeq < instance.restartSeq) {
      throw keptError(instance.name, store.halts.get(instance.app)?.failed);
    }
    return hasSettled(status, instance, queues) || undefined;
  });
}

function untilCancelled(
  parts: Pick<Parts, "supervisor">,
  instance: string,
  queue: string,
  options: CallOptions,
): Promise<true> {
  return waitFor(parts, instance, options, (status) => {
    if (status === "gone" || status.pid === null) return true;
    refuseAway(status.link, { stored: true });
    return status.reply && !status.reply.queues.includes(queue) ? true : undefined;
  });
}
