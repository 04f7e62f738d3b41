import { CymeError } from "../domain/errors.ts";
import { restartOf, type Instance } from "../domain/instance.ts";
import { hasBeat } from "../domain/launch.ts";
import { findApp, type CallOptions, type Parts } from "./context.ts";
import type { InstanceDetail } from "./instances.ts";
import { settle, untilStopped } from "./settle.ts";

/** What is done to all workers of the branch at once. Not rate limited; returns the names of those concerned. */
export class Workers {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Starts every enabled instance, those held by `shutdown` too. */
  async start(options: CallOptions): Promise<string[]> {
    return this.#all(options, (instance) => ({ ...instance, isHeld: false }));
  }

  /**
   * Restarts every enabled instance, those held by `shutdown` too: all at once, or, rolling, one instance of an app after
   * another, each with a stand-in that consumes until the new worker does (but not where that would run a second -B).
   */
  async restart(isRolling: boolean, options: CallOptions): Promise<string[]> {
    const { store } = this.#parts;
    return this.#all(options, (instance) => {
      const hasStandin = isRolling && !hasBeat(instance, findApp(store, instance.app));
      return { ...instance, ...restartOf(instance, { isRolling, hasStandin }), isHeld: false };
    });
  }

  /** Stops all workers and holds them stopped, whether the branch runs or starts again, until somebody starts them. */
  async shutdown(options: CallOptions): Promise<string[]> {
    const { store, supervisor } = this.#parts;
    const names = store.write(() => {
      const instances = store.instances.all().filter(({ isDeleted }) => !isDeleted);
      for (const { name } of instances) store.instances.set(name, { isHeld: true });
      return instances.map(({ name }) => name);
    });
    for (const name of names) supervisor.wake(name);
    if (!options.nowait) await Promise.all(names.map((name) => untilStopped(this.#parts, name, options)));
    return names;
  }

  async details(): Promise<InstanceDetail[]> {
    const { store, supervisor } = this.#parts;
    const instances = store.instances.all().filter(({ isDeleted }) => !isDeleted);
    return Promise.all(
      instances.map(async (instance) => ({ instance, status: await supervisor.status(instance.name) })),
    );
  }

  async #all(options: CallOptions, change: (instance: Instance) => Instance): Promise<string[]> {
    const { store, supervisor } = this.#parts;
    const changed = store.write(() => {
      const enabled = store.instances.all().filter(({ isEnabled, isDeleted }) => isEnabled && !isDeleted);
      return enabled.map((instance) => {
        const after = change(instance);
        store.instances.put(after);
        return after;
      });
    });
    for (const { name } of changed) supervisor.wake(name, "people");
    if (!options.nowait) await this.#settleAll(changed, options);
    return changed.map(({ name }) => name);
  }

  /** One that does not come up does not hide the others: all are waited for, then the failed ones are named. */
  async #settleAll(instances: readonly Instance[], options: CallOptions): Promise<void> {
    const outcomes = await Promise.allSettled(instances.map((instance) => settle(this.#parts, instance, options)));
    const failed = outcomes.flatMap((outcome, at) =>
      outcome.status === "rejected" ? [{ name: instances[at]?.name ?? "", error: outcome.reason as unknown }] : [],
    );
    // Of those that were halted since another one did not come up, that one says why.
    const first = failed.find(({ error }) => error instanceof CymeError && error.code === "worker-failed") ?? failed[0];
    if (!first) return;
    if (!(first.error instanceof CymeError)) throw first.error;
    if (failed.length === 1) throw first.error;
    const names = failed.map(({ name }) => name);
    throw new CymeError(
      first.error.code,
      `${names.length} instances are not as wished (${names.join(", ")}): ${first.error.message}`,
      {
        ...first.error.facts,
        instances: names,
      },
    );
  }
}
