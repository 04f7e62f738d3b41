import { statfsSync } from "node:fs";
import { loadavg } from "node:os";
import { conflict, notFound } from "../domain/errors.ts";
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

/** What can be asked of and done to branches; so far there is this one. */
export class Branches {
  readonly #parts: Parts;
  readonly #identity: () => BranchIdentity;
  readonly #shutDown: () => void;

  /** `identity` is asked each time, since the port is known late; `shutDown` ends the daemon a little later. */
  constructor(parts: Parts, identity: () => BranchIdentity, shutDown: () => void) {
    this.#parts = parts;
    this.#identity = identity;
    this.#shutDown = shutDown;
  }

  /** Ids of the branches that are up, sorted. */
  ids(): string[] {
    return [this.#parts.branchId];
  }

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

  /** Removes a branch that is away, with all that it owns. */
  forget(id: string): never {
    this.#find(id);
    throw conflict(`Branch "${id}" is up: only a branch that is away can be forgotten`, { branch: id });
  }

  #find(id: string): void {
    if (id !== this.#parts.branchId) throw notFound("branch", id);
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
