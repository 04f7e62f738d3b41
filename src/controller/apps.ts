import type { App } from "../domain/app.ts";
import { conflict } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import type { Instance } from "../domain/instance.ts";
import { NO_LAUNCH, onlyChanged, parseLaunch, resolveLaunch, type Launch } from "../domain/launch.ts";
import { appName } from "../domain/names.ts";
import { findApp, type CallOptions, type Parts } from "./context.ts";
import { refuseBadLogin, refuseDifferent } from "./declarations.ts";
import { settle, untilGone } from "./settle.ts";

/** An app with what belongs to it. */
export interface AppDetail {
  readonly app: App;
  readonly instances: readonly string[];
  readonly queues: readonly string[];
}

/** What can be done to apps. */
export class Apps {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  names(): string[] {
    return this.#parts.store.apps.names();
  }

  get(name: string): AppDetail {
    const { store } = this.#parts;
    const app = findApp(store, name);
    return { app, instances: store.instances.names(name), queues: store.queues.names(name) };
  }

  /** Creates an app, or changes the given fields of one that is there; running workers that it concerns restart, one by one. */
  async put(name: string, params: Params, options: CallOptions): Promise<{ detail: AppDetail; isNew: boolean }> {
    const { store, clock, supervisor } = this.#parts;
    appName(name);
    const change = parseLaunch(params);
    if (change.broker && !options.nowait && this.#wouldMoveWorkers(name)) {
      await refuseBadLogin(this.#parts, change.broker, options);
    }
    const { isNew, isMoved, outdated } = store.write(() => {
      const before = store.apps.get(name);
      if (before?.isDeleted)
        throw conflict(`App "${name}" is being deleted: wait until its workers have ended`, { app: name });
      const base = before ?? { ...NO_LAUNCH, name, isDeleted: false, createdAtMs: clock.now() };
      const changed = onlyChanged<Launch>(base, change);
      const after = { ...base, ...changed };
      for (const queue of store.queues.all(name)) refuseDifferent(this.#parts, after, queue);
      if (!before || Object.keys(changed).length > 0) store.apps.put(after);
      const asked = before ? this.#askForRestarts(before, after) : [];
      return { isNew: !before, isMoved: changed.broker !== undefined, outdated: asked };
    });
    for (const instance of outdated) supervisor.wake(instance.name, "people");
    if (!options.nowait) {
      const settled = (instance: Instance) =>
        settle(this.#parts, instance, options, isMoved && !instance.broker ? instance.queues : []);
      await Promise.all(outdated.map(settled));
    }
    return { detail: this.get(name), isNew };
  }

  /** Stops and deletes the instances, then the queues, then the app. */
  async remove(name: string, options: CallOptions): Promise<void> {
    const { store, supervisor } = this.#parts;
    const instances = store.write(() => {
      const app = findApp(store, name);
      store.apps.put({ ...app, isDeleted: true });
      const owned = store.instances.ofApp(name);
      for (const instance of owned) store.instances.set(instance.name, { isDeleted: true });
      return owned;
    });
    for (const instance of instances) supervisor.wake(instance.name);
    supervisor.removeEmptyApps();
    if (options.nowait) return;
    await Promise.all(instances.map((instance) => untilGone(this.#parts, instance.name, options)));
    supervisor.removeEmptyApps();
  }

  /** Whether workers run on the app's broker: a wrong login would stop them. */
  #wouldMoveWorkers(app: string): boolean {
    const instances = this.#parts.store.instances.ofApp(app);
    return instances.some(({ broker, isEnabled, isHeld }) => broker === null && isEnabled && !isHeld);
  }

  /** Marks the running instances that would be started otherwise than they were; returns them. */
  #askForRestarts(before: App, after: App): Instance[] {
    const { store, defaultBroker } = this.#parts;
    const defaults = { broker: defaultBroker, command: "" };
    const restarted = store.instances.ofApp(after.name).filter((instance) => {
      const { stopTimeoutS: _before, ...was } = resolveLaunch(instance, before, defaults);
      const { stopTimeoutS: _after, ...is } = resolveLaunch(instance, after, defaults);
      return !Bun.deepEquals(was, is) && instance.isEnabled && !instance.isHeld && !instance.isDeleted;
    });
    return restarted.map((instance) => {
      const restartSeq = instance.restartSeq + 1;
      store.instances.set(instance.name, { restartSeq, isRolling: true });
      return { ...instance, restartSeq, isRolling: true };
    });
  }
}
