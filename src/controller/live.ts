import type { Json } from "../bus/bus.ts";
import type { Instance } from "../domain/instance.ts";
import type { Queue } from "../domain/queue.ts";
import type { Owner } from "../store/owners.ts";
import type { BegunTasks, Status } from "../supervisor/status.ts";
import type { AppDetail } from "./apps.ts";
import type { Parts } from "./context.ts";

/** What is wished, as it is stored on this branch. Nobody changes it: as long as nothing was written it is the same object. */
export interface Wishes {
  /** Of this branch, without those that are being deleted. */
  readonly instances: readonly Instance[];
  /** Without their instances. */
  readonly apps: readonly AppDetail[];
  readonly queues: readonly Queue[];
}

/** A branch that was ever heard of. */
export interface Presence {
  readonly id: string;
  readonly isUp: boolean;
}

type LiveParts = Pick<Parts, "store" | "supervisor" | "cluster" | "branchId">;

/** Kept of what was read, while `of` stays what it was. */
interface Kept<T> {
  readonly of: string;
  readonly value: T;
}

/**
 * What is there now, to be looked at every second: no worker is asked, and what was not written anew is not read anew. And how
 * branches ask each other for the same.
 */
export class Live {
  readonly #parts: LiveParts;
  #wishes: Kept<Wishes> | undefined;
  #ofOthers: Kept<readonly Owner[]> | undefined;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  get branchId(): string {
    return this.#parts.branchId;
  }

  wishes(): Wishes {
    const { apps, queues, instances, owners } = this.#parts.store;
    const of = [apps, queues, instances, owners].map(({ revision }) => revision).join(" ");
    if (this.#wishes?.of !== of) this.#wishes = { of, value: this.#read() };
    return this.#wishes.value;
  }

  /** What was last seen of an instance of this branch: the same object until the next look; undefined before the first. */
  seen(name: string): Status | undefined {
    return this.#parts.supervisor.seen(name);
  }

  /** What the worker of an instance of this branch last said of the tasks that it began. */
  begun(name: string): BegunTasks | undefined {
    return this.#parts.supervisor.begun(name);
  }

  /** All instances that others have, as far as is told here, those of branches that are away too. */
  ofOthers(): readonly Owner[] {
    const { store, branchId } = this.#parts;
    const of = String(store.owners.revision);
    if (this.#ofOthers?.of !== of) {
      const value = store.owners.all().filter(({ branch, isDeleted }) => branch !== branchId && !isDeleted);
      this.#ofOthers = { of, value };
    }
    return this.#ofOthers.value;
  }

  /** All other branches, sorted by id. */
  others(): Presence[] {
    const { cluster } = this.#parts;
    const up = new Set(cluster.members().map(({ id }) => id));
    return cluster.others.map((id) => ({ id, isUp: up.has(id) }));
  }

  /** Has `answer` say, in what can be JSON, what other branches ask for by `ask`. */
  serve(answer: (question: unknown) => unknown): void {
    this.#parts.cluster.serve("live", (question) => answer(question) as Json);
  }

  /** Asks another branch, for at most `timeoutMs`. Rejects CymeError. */
  ask(branch: string, question: Readonly<Record<string, Json>>, timeoutMs: number): Promise<unknown> {
    return this.#parts.cluster.call(branch, "live", question, timeoutMs);
  }

  #read(): Wishes {
    const { store, branchId, cluster } = this.#parts;
    const isListed = ({ name, isDeleted }: Instance) =>
      !isDeleted && (cluster.isAlone || !store.owners.isOfAnother(name, branchId));
    const apps = store.apps.all().filter(({ isDeleted }) => !isDeleted);
    const queues = apps.flatMap(({ name }) => store.queues.all(name));
    const namesOf = Map.groupBy(queues, ({ app }) => app);
    return {
      instances: store.instances.all().filter(isListed),
      apps: apps.map((app) => ({
        app,
        instances: [],
        queues: (namesOf.get(app.name) ?? []).map(({ name }) => name),
      })),
      queues,
    };
  }
}
