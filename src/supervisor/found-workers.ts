import { basename, dirname } from "node:path";
import { WORKER_VARIABLE } from "../celery/command-line.ts";
import { instanceOfWorker } from "../domain/names.ts";
import type { ProcessId, Processes } from "../kit/processes.ts";

/** A process that is a worker of an instance, whether or not it was written down. */
export type FoundWorker = ProcessId & { readonly node: string };

/** What runs for one instance: its worker, and the one that stands in for it. */
export interface FoundWorkers {
  readonly worker?: FoundWorker;
  readonly standin?: FoundWorker;
}

/** The workers that run for the instances of a directory, by instance. */
export function findWorkers(processes: Processes, instanceDir: string): Map<string, FoundWorkers> {
  const found = new Map<string, FoundWorkers>();
  for (const [folder, process] of processes.leadersWith(WORKER_VARIABLE)) {
    const worker = basename(folder);
    const node = dirname(folder) === instanceDir ? workerNode(worker, process.argv) : undefined;
    if (node === undefined) continue;
    const instance = instanceOfWorker(worker);
    const role = instance === worker ? "worker" : "standin";
    found.set(instance, { ...found.get(instance), [role]: { ...process, node } });
  }
  return found;
}

/**
 * The node name by which a process is known to be a worker, in its words or, where Celery rewrote them (setproctitle), in
 * its title; undefined for what a task started with the worker's environment.
 */
function workerNode(worker: string, argv: readonly string[]): string | undefined {
  const option = `--hostname=${worker}@`;
  const said = argv.find((word) => word.startsWith(option))?.slice("--hostname=".length);
  const title = /(\S+@\S+):MainProcess/.exec(argv.join(" "))?.[1];
  return said ?? (title?.startsWith(`${worker}@`) ? title : undefined);
}
