import type { Taken, Taker } from "../cluster/definitions.ts";
import type { App } from "../domain/app.ts";
import {
  appId,
  inOrder,
  lostFields,
  namesOf,
  queueId,
  type Definition,
  type DefinitionId,
} from "../domain/definition.ts";
import {
  descends,
  horizonAt,
  mergedStamp,
  parseVersion,
  versionsBefore,
  type Stamp,
  type Version,
} from "../domain/version.ts";
import type { Log } from "../kit/log.ts";
import type { Parts } from "./context.ts";
import {
  begin,
  disableUnknown,
  storeApp,
  storeAppDeletion,
  storeQueue,
  storeQueueDeletion,
  type Names,
  untilDone,
  type Effect,
} from "./effects.ts";

type RemoteParts = Pick<Parts, "store" | "clock" | "supervisor" | "defaultBroker"> & { readonly owners: Names };
type AppDefinition = Definition & { readonly kind: "app" };
type QueueDefinition = Definition & { readonly kind: "queue" };
type AccountDefinition = Definition & { readonly kind: "user" | "token" };

/** Later than every version, which starts with a digit. */
const LATEST: Version = "~";

/**
 * Takes over definitions as other branches have them. Of two changes of one definition the newer counts, and of an app
 * also its latest deletion: what was made before it, queues and instances, went with it, even where the app was made anew.
 */
export class RemoteDefinitions implements Taker {
  readonly #parts: RemoteParts;
  readonly #log: Log;

  constructor(parts: RemoteParts, log: Log) {
    this.#parts = parts;
    this.#log = log;
  }

  take(definitions: readonly Definition[]): Taken {
    const effects = this.#parts.store.write(() =>
      definitions.toSorted(inOrder).flatMap((definition) => this.#takeOne(definition)),
    );
    return this.#begun(effects);
  }

  takeInstead(definitions: readonly Definition[], kept: readonly DefinitionId[]): Taken {
    const { store } = this.#parts;
    const isKept = new Set(kept.map(({ kind, key }) => `${kind} ${key}`));
    const effects = store.write(() => {
      // Of changes that are gone.
      store.halts.clear();
      const foreign = store.definitions.all().filter(({ kind, key }) => !isKept.has(`${kind} ${key}`));
      // Queues first, since they refer to their apps.
      const dropped = foreign.toSorted((a, b) => inOrder(b, a)).flatMap((id) => this.#drop(id));
      const taken = definitions.toSorted(inOrder).flatMap((definition) => {
        // Without what this branch knew of it, it is newer.
        store.definitions.remove(definition);
        return this.#takeOne(definition);
      });
      return [...dropped, ...taken];
    });
    return this.#begun(effects);
  }

  #begun(effects: readonly Effect[]): Taken {
    begin(this.#parts, effects);
    return { untilDone: (options) => untilDone(this.#parts, effects, options) };
  }

  #takeOne(given: Definition): Effect[] {
    const { clock } = this.#parts;
    const horizon = horizonAt(clock.now());
    const isForgotten = given.deletedVersion !== null && given.deletedVersion < horizon;
    if (isForgotten && given.version === given.deletedVersion) return [];
    const definition = isForgotten ? { ...given, deletedVersion: null } : given;
    switch (definition.kind) {
      case "app":
        return this.#takeApp(definition, horizon);
      case "queue":
        return this.#takeQueue(definition, horizon);
      case "user":
      case "token":
        this.#takeAccount(definition, horizon);
        return [];
      default:
        return definition satisfies never;
    }
  }

  #takeApp(incoming: AppDefinition, horizon: Version): Effect[] {
    const { store } = this.#parts;
    const known = store.definition(appId(incoming.key));
    this.#tellLost(known, incoming);
    const stamp = known ? mergedStamp(known, incoming, horizon) : incoming;
    const before = store.apps.get(incoming.key);
    const isNewer = !known || incoming.version > known.version;
    const isDeletedLater = (stamp.deletedVersion ?? "") > (known?.deletedVersion ?? "");
    store.definitions.put({ kind: "app", key: incoming.key, ...stampOf(stamp) });
    if (isNewer && incoming.value === null) {
      // All of them, also those that were declared later: there is no app that they could belong to.
      store.definitions.removeQueuesOf(incoming.key, LATEST);
      return this.#deleteApp(before);
    }
    const gone =
      isDeletedLater && stamp.deletedVersion !== null ? this.#deleteOld(incoming.key, stamp.deletedVersion) : [];
    if (!isNewer || incoming.value === null) return gone;
    // One that is being deleted begins anew, without the queues that were to go with it.
    const revived = before?.isDeleted ? this.#dropUnknownQueues(before.name) : [];
    const restarted = storeApp(this.#parts, before?.isDeleted ? undefined : before, incoming.value);
    return [...gone, ...revived, ...restarted];
  }

  #deleteApp(before: App | undefined): Effect[] {
    if (!before) return [];
    const effects = storeAppDeletion(this.#parts, before);
    const instances = effects.flatMap((effect) => (effect.do === "delete" ? [effect.instance] : []));
    const queues = this.#parts.store.queues.names(before.name);
    this.#log.info("an app was deleted on another branch", { app: before.name, instances, queues });
    return effects;
  }

  /** What was made before the deletion of an app that is there again. */
  #deleteOld(app: string, deletedVersion: Version): Effect[] {
    const { store } = this.#parts;
    const madeAt = (name: string, createdAtMs: number) =>
      store.owners.get(name)?.version ?? versionsBefore(createdAtMs);
    const instances = store.instances
      .ofApp(app)
      .filter(({ name, createdAtMs }) => madeAt(name, createdAtMs) < deletedVersion);
    for (const { name } of instances) store.instances.set(name, { isDeleted: true });
    store.definitions.removeQueuesOf(app, deletedVersion);
    const names = instances.map(({ name }) => name);
    if (names.length > 0)
      this.#log.info("an app was deleted on another branch and made anew", { app, instances: names });
    return [...names.map((instance): Effect => ({ do: "delete", instance })), ...this.#dropUnknownQueues(app)];
  }

  #dropUnknownQueues(app: string): Effect[] {
    const { store } = this.#parts;
    const unknown = store.queues.names(app).filter((name) => !store.definitions.get(queueId(app, name)));
    return unknown.flatMap((name) => storeQueueDeletion(this.#parts, app, name));
  }

  #takeQueue(incoming: QueueDefinition, horizon: Version): Effect[] {
    const { store } = this.#parts;
    const { app, queue: name } = namesOf(incoming);
    const owner = store.apps.get(app);
    // It went with its app, or its app is still to come.
    if (!owner || owner.isDeleted) return [];
    if (incoming.version <= (store.definitions.get(appId(app))?.deletedVersion ?? "")) return [];
    const known = store.definition(queueId(app, name));
    this.#tellLost(known, incoming);
    const stamp = known ? mergedStamp(known, incoming, horizon) : incoming;
    store.definitions.put({ kind: "queue", key: incoming.key, ...stampOf(stamp) });
    if (known && incoming.version <= known.version) return [];
    if (incoming.value === null) return storeQueueDeletion(this.#parts, app, name);
    return storeQueue(this.#parts, store.queues.get(app, name), incoming.value);
  }

  /** From now on it opens here what it opens there. */
  #takeAccount(incoming: AccountDefinition, horizon: Version): void {
    const { store } = this.#parts;
    const { kind, key } = incoming;
    const known = store.definition(incoming);
    this.#tellLost(known, incoming);
    store.definitions.put({ kind, key, ...stampOf(known ? mergedStamp(known, incoming, horizon) : incoming) });
    if (known && incoming.version <= known.version) return;
    if (incoming.value === null) this.#removeAccount(incoming);
    else if (incoming.kind === "user") store.users.put(incoming.value);
    else store.tokens.put(incoming.value);
  }

  #removeAccount({ kind, key }: Pick<AccountDefinition, "kind" | "key">): void {
    const { users, tokens } = this.#parts.store;
    if (kind === "user") users.remove(key);
    else tokens.remove(key);
  }

  /** Of what the cluster does not have. Instances are no definitions: they stay, stopped, for somebody to decide. */
  #drop(id: DefinitionId): Effect[] {
    const { store } = this.#parts;
    const { app, queue } = namesOf(id);
    const known = store.definition(id);
    store.definitions.remove(id);
    if (!known?.value) return [];
    const lost = lostFields(known, { ...known, value: null });
    this.#log.warning("a definition is dropped that the cluster does not have", { [id.kind]: id.key, lost });
    if (known.kind === "queue") return storeQueueDeletion(this.#parts, app, queue);
    if (known.kind !== "app") {
      this.#removeAccount(known);
      return [];
    }
    store.apps.put({ ...known.value, isDeleted: true });
    return disableUnknown(this.#parts, app);
  }

  /** Two changes of which none knew the other: one is lost, and somebody may miss it. */
  #tellLost(known: Definition | undefined, incoming: Definition): void {
    if (!known || descends(known, incoming) || descends(incoming, known)) return;
    const [kept, lost] = known.version > incoming.version ? [known, incoming] : [incoming, known];
    const fields = lostFields(lost, kept);
    if (Object.keys(fields).length === 0) return;
    const of = (version: Version) => parseVersion(version)?.branch;
    this.#log.warning("a change is lost to one that was made later without knowing it", {
      [lost.kind]: lost.key,
      lost: fields,
      by: of(lost.version),
      version: lost.version,
      later_by: of(kept.version),
      later_version: kept.version,
    });
  }
}

const stampOf = ({ version, deletedVersion, ancestry }: Stamp): Stamp => ({ version, deletedVersion, ancestry });
