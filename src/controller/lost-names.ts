import type { Instance } from "../domain/instance.ts";
import type { Log } from "../kit/log.ts";
import type { Parts } from "./context.ts";

interface LostParts extends Pick<Parts, "store" | "clock" | "instanceDir"> {
  readonly supervisor: Pick<Parts["supervisor"], "wake">;
  readonly log: Log;
}

/**
 * What becomes of an instance whose name another branch has by now. Of two workers of one name one has to go, and that is this
 * one; but those that both ran before there were clusters both go on, since nobody asked for an end of one: their nodes differ.
 */
export class LostNames {
  readonly #parts: LostParts;
  readonly #log: Log;
  /** By name: the branch that was last warned of. */
  readonly #warned = new Map<string, string>();

  constructor(parts: LostParts) {
    this.#parts = parts;
    this.#log = parts.log.with({ part: "cluster" });
  }

  /** May be called again and again for the same name. */
  lost(name: string, to: string): void {
    const { store } = this.#parts;
    const instance = store.instances.get(name);
    if (!instance || instance.isDeleted) return;
    const early = store.earlyInstances.get(name);
    if (early) this.#keep(instance, to, early.rival !== to);
    else this.#disable(instance, to);
  }

  #keep({ name, app }: Instance, to: string, isNew: boolean): void {
    const why = `branch "${to}" has an instance of this name, which is the one that the cluster knows`;
    if (isNew) {
      this.#parts.store.write(() => {
        this.#parts.store.earlyInstances.setRival(name, to);
        this.#record(name, "kept", why, to);
      });
    }
    if (this.#warned.get(name) === to) return;
    this.#warned.set(name, to);
    const message =
      "another branch has an instance of the same name: this one stays as it is, but only commands with -L on this branch see it; add it under another name and delete this one";
    this.#log.warning(message, {
      instance: name,
      app,
      branch: to,
      delete: `cyme -L -D ${this.#parts.instanceDir} -a ${app} instances.delete ${name}`,
    });
  }

  #disable({ name, app, isEnabled, disabledReason: before }: Instance, to: string): void {
    const { store, supervisor } = this.#parts;
    const disabledReason = `its name belongs to branch "${to}" by now`;
    if (!isEnabled && before === disabledReason) return;
    store.write(() => {
      store.instances.set(name, { isEnabled: false, disabledReason, limitedAtMs: null });
      this.#record(name, "disabled", disabledReason, to);
    });
    const message = "an instance is disabled, since another branch has its name by now: add it under another name";
    this.#log.warning(message, { instance: name, app, branch: to });
    supervisor.wake(name);
  }

  #record(name: string, did: string, why: string, branch: string): void {
    const { store, clock } = this.#parts;
    store.history.add(name, { atMs: clock.now(), did, why, evidence: { branch } });
  }
}
