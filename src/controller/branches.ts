import { statfsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import type { Json } from "../bus/bus.ts";
import { notFound } from "../domain/errors.ts";
import { brokerLabel } from "../domain/broker.ts";
import type { Parts } from "./context.ts";

/** What a branch is, apart from what it does now. */
export interface BranchIdentity {
  readonly id: string;
  /** Where its HTTP API is; null without one. */
  readonly url: string | null;
  readonly port: number | null;
  readonly version: string;
  readonly loglevel: string;
  readonly logfile: string | null;
  readonly numc: number;
  readonly supIntervalS: number;
  /** Null where no daemon runs. */
  readonly startedAtMs: number | null;
  readonly pid: number | null;
}

export interface BranchDetail extends BranchIdentity {
  readonly instances: number;
  readonly loadAverage: readonly number[];
  /** Percent of the file system that holds the instance directory. */
  readonly diskUse: number | null;
  readonly broker: string;
  readonly instanceDir: string;
}

/** Another branch, as far as this one knows. */
export interface OtherBranch {
  readonly id: string;
  /** Null where this branch is cut off itself, so that nobody can say. */
  readonly isUp: boolean | null;
  readonly url: string | null;
  /** Null of one that is away. */
  readonly version: string | null;
  /** How many are its own. */
  readonly instances: number;
  /** When it was last heard of; of one that is away: since when it is. Null where that was never. */
  readonly seenAtMs: number | null;
}

/** What is told of this branch is looked at so often. */
const FACTS_MS = 2_000;
/** Told in steps, since what changes goes to everybody. */
const LOAD_STEPS = 4;

/** What can be asked of and done to branches. What concerns another one is asked of that one. */
export class Branches {
  readonly #parts: Parts;
  readonly #identity: () => BranchIdentity;
  readonly #shutDown: () => void;
  #facts: { readonly atMs: number; readonly told: Readonly<Record<string, Json>> } | undefined;

  /** `identity` is asked each time, since the port is known late; `shutDown` ends the daemon a little later. */
  constructor(parts: Parts, identity: () => BranchIdentity, shutDown: () => void) {
    this.#parts = parts;
    this.#identity = identity;
    this.#shutDown = shutDown;
    const { cluster, branchId } = parts;
    cluster.tell(() => this.#told());
    cluster.serve("branches.known", () => [branchId, ...cluster.others]);
  }

  /** Ids of the branches that are up, sorted; without the bus nobody knows of the others, which are added to `silent`. */
  ids(silent?: Set<string>): string[] {
    const { cluster, branchId } = this.#parts;
    if (cluster.busState?.is === "up") return cluster.members().map(({ id }) => id);
    for (const id of cluster.others) silent?.add(id);
    return [branchId];
  }

  /** All other branches that were ever heard of, sorted by id. */
  others(): OtherBranch[] {
    const { cluster, store, branchId } = this.#parts;
    const isKnown = cluster.busState?.is === "up";
    const members = new Map(cluster.members().map((member) => [member.id, member]));
    const known = new Map(store.knownBranches.all().map((row) => [row.id, row]));
    const owned = store.owners.all().filter(({ branch, isDeleted }) => branch !== branchId && !isDeleted);
    const counts = Map.groupBy(owned, ({ branch }) => branch);
    return cluster.others.map((id) => {
      const member = isKnown ? members.get(id) : undefined;
      const row = known.get(id);
      return {
        id,
        isUp: isKnown ? member !== undefined : null,
        url: row?.url ?? null,
        version: member?.version ?? null,
        instances: counts.get(id)?.length ?? 0,
        seenAtMs: member?.heardMs ?? row?.lastSeenAtMs ?? null,
      };
    });
  }

  /** This branch; `not-found` for another. */
  get(id: string): BranchDetail {
    this.#find(id);
    const { store, instanceDir, defaultBroker } = this.#parts;
    return {
      ...this.#identity(),
      instances: store.instances.count(),
      loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
      diskUse: diskUse(instanceDir),
      broker: brokerLabel(defaultBroker),
      instanceDir,
    };
  }

  /** This branch, for who does not know its id. */
  own(): BranchDetail {
    return this.get(this.#parts.branchId);
  }

  /** Ends the daemon; its workers stay. */
  shutdown(id: string): void {
    this.#find(id);
    this.#shutDown();
  }

  /** Removes a branch that is away, with all that it owns, and gives the names of its instances; `conflict` for one that is up. */
  forget(id: string): Promise<string[]> {
    return this.#parts.owners.forget(id);
  }

  #find(id: string): void {
    if (id !== this.#parts.branchId) throw notFound("branch", id);
  }

  #told(): Readonly<Record<string, Json>> {
    const nowMs = this.#parts.clock.now();
    if (this.#facts && nowMs - this.#facts.atMs < FACTS_MS) return this.#facts.told;
    const { url, port, loglevel, logfile, numc, supIntervalS, instances, diskUse: disk } = this.own();
    const [minute = 0] = loadavg();
    const load = Math.round((minute / availableParallelism()) * LOAD_STEPS) / LOAD_STEPS;
    const told = { url, port, loglevel, logfile, numc, sup_interval: supIntervalS, load, disk, instances };
    this.#facts = { atMs: nowMs, told };
    return told;
  }
}

/** As `df` counts: what is used of what ordinary users can use. */
function diskUse(path: string): number | null {
  try {
    const { blocks, bfree, bavail } = statfsSync(path);
    const used = blocks - bfree;
    return Math.ceil((used / Math.max(1, used + bavail)) * 100);
  } catch {
    return null;
  }
}
