import { appId, queueId } from "../domain/definition.ts";
import type { Instance } from "../domain/instance.ts";
import type { Halt } from "../domain/rollout.ts";
import type { Version } from "../domain/version.ts";
import type { Store } from "../store/store.ts";
import type { Parts } from "./parts.ts";

/**
 * A rolling restart was halted: the instances of this branch that were not restarted yet are no longer wanted to. What they
 * run works, what they would get does not. Returns their names.
 */
export function keepRunning({ store, clock }: Pick<Parts, "store" | "clock">, halt: Halt): string[] {
  const why = `the restart of the app's instances was halted, since ${halt.failed} did not come back`;
  return store.write(() => {
    const kept = store.instances.ofApp(halt.app).filter((instance) => isToKeep(store, instance, halt));
    for (const { name } of kept) {
      const { restartSeq } = store.workers.get(name);
      store.instances.set(name, { restartSeq, isRolling: false });
      store.history.add(name, { atMs: clock.now(), did: "kept", why, evidence: { failed: halt.failed } });
    }
    return kept.map(({ name }) => name);
  });
}

function isToKeep(store: Store, instance: Instance, { failed, upTo }: Halt): boolean {
  const { restartSeq, pid, termSentAtMs } = store.workers.get(instance.name);
  const isRunning = pid !== null && termSentAtMs === null;
  const isToRestart = instance.isRolling && restartSeq < instance.restartSeq;
  return instance.name !== failed && isRunning && isToRestart && latestChange(store, instance) <= upTo;
}

/** When that was last changed which an instance is restarted for. */
function latestChange({ definitions }: Store, { app, queues }: Instance): Version {
  const ids = [appId(app), ...queues.map((queue) => queueId(app, queue))];
  const versions = ids.map((id) => definitions.get(id)?.version ?? "");
  return versions.toSorted().at(-1) ?? "";
}
