import { NOBODY_ELSE, type Spreading } from "../cluster/spreading.ts";
import type { App } from "../domain/app.ts";
import { appId } from "../domain/definition.ts";
import { conflict } from "../domain/errors.ts";
import type { Params } from "../domain/fields.ts";
import { NO_LAUNCH, onlyChanged, parseLaunch, type Launch } from "../domain/launch.ts";
import { appName } from "../domain/names.ts";
import { findApp, type CallOptions } from "./context.ts";
import { refuseBadLogin, refuseDifferent } from "./declarations.ts";
import {
  type DefinitionParts,
  begin,
  storeApp,
  storeAppDeletion,
  untilDone,
  untilDoneEverywhere,
  type Effect,
} from "./effects.ts";

/** An app with what belongs to it. */
export interface AppDetail {
  readonly app: App;
  /** Names, on all branches. */
  readonly instances: readonly string[];
  readonly queues: readonly string[];
}

/** What can be done to apps. */
export class Apps {
  readonly #parts: DefinitionParts;
  readonly #spreading: Spreading;

  constructor(parts: DefinitionParts, spreading: Spreading = NOBODY_ELSE) {
    this.#parts = parts;
    this.#spreading = spreading;
  }

  names(): string[] {
    return this.#parts.store.apps.names();
  }

  get(name: string): AppDetail {
    const { store } = this.#parts;
    const app = findApp(store, name);
    return { app, instances: this.#instances(name), queues: store.queues.names(name) };
  }

  /** Creates an app, or changes the given fields of one that is there; running workers that it concerns restart, one by one. */
  async put(name: string, params: Params, options: CallOptions): Promise<{ detail: AppDetail; isNew: boolean }> {
    const { store } = this.#parts;
    appName(name);
    const change = parseLaunch(params);
    if (change.broker && !options.nowait && this.#wouldMoveWorkers(name)) {
      await refuseBadLogin(this.#parts, change.broker, options);
    }
    const { isNew, isChanged, effects } = store.write(() => this.#store(name, change));
    begin(this.#parts, effects);
    const told = isChanged ? this.#spreading.spread([appId(name)], options) : undefined;
    await untilDoneEverywhere(untilDone(this.#parts, effects, options), told);
    return { detail: this.get(name), isNew };
  }

  /** Stops and deletes the instances, then the queues, then the app. */
  async remove(name: string, options: CallOptions): Promise<void> {
    const { store, clock } = this.#parts;
    const effects = store.write(() => {
      const app = findApp(store, name);
      store.noteDeleted(appId(name), clock.now());
      return storeAppDeletion(this.#parts, app);
    });
    begin(this.#parts, effects);
    const told = this.#spreading.spread([appId(name)], options);
    await Promise.all([untilDone(this.#parts, effects, options), told]);
  }

  /** On all branches, as far as is known here. */
  #instances(app: string): readonly string[] {
    const { store, branchId } = this.#parts;
    const all = store.instances.names(app);
    if (store.knownBranches.all().length === 0) return all;
    // One whose name another branch has by now is listed nowhere.
    const own = all.filter((instance) => !store.owners.isOfAnother(instance, branchId));
    const others = store.owners.ofApp(app).filter(({ branch }) => branch !== branchId);
    return others.length === 0 ? own : [...new Set([...own, ...others.map(({ name: other }) => other)])].toSorted();
  }

  #store(name: string, change: Partial<Launch>): { isNew: boolean; isChanged: boolean; effects: Effect[] } {
    const { store, clock } = this.#parts;
    const before = this.#standing(name);
    const base = before ?? { ...NO_LAUNCH, name, isDeleted: false, createdAtMs: clock.now() };
    const changed = onlyChanged<Launch>(base, change);
    const after = { ...base, ...changed };
    for (const queue of store.queues.all(name)) refuseDifferent(this.#parts, after, queue);
    if (before && Object.keys(changed).length === 0) return { isNew: false, isChanged: false, effects: [] };
    store.noteChanged(appId(name), clock.now());
    return { isNew: !before, isChanged: true, effects: storeApp(this.#parts, before, after) };
  }

  /** The app where there is one; `conflict` while it is being deleted. */
  #standing(name: string): App | undefined {
    const { store } = this.#parts;
    const app = store.apps.get(name);
    if (!app?.isDeleted) return app;
    // An app that the cluster does not know may be there for instances of it that were disabled: it can be made anew.
    if (!store.instances.ofApp(name).some(({ isDeleted }) => isDeleted)) return undefined;
    throw conflict(`App "${name}" is being deleted: wait until its workers have ended`, { app: name });
  }

  /** Whether workers run on the app's broker: a wrong login would stop them. */
  #wouldMoveWorkers(app: string): boolean {
    const instances = this.#parts.store.instances.ofApp(app);
    return instances.some(({ broker, isEnabled, isHeld }) => broker === null && isEnabled && !isHeld);
  }
}
