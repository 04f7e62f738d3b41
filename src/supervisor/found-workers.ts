import { basename, dirname } from "node:path";
import { WORKER_VARIABLE } from "../celery/command-line.ts";
import type { ProcessId, Processes } from "../kit/processes.ts";

/** A process that is the worker of an instance, whether or not it was written down. */
export type FoundWorker = ProcessId & { readonly node: string };

/** The workers that run for the instances of a directory, by instance. */
export function findWorkers(processes: Processes, instanceDir: string): Map<string, FoundWorker> {
  const found = new Map<string, FoundWorker>();
  for (const [folder, process] of processes.leadersWith(WORKER_VARIABLE)) {
    const instance = basename(folder);
    const node = dirname(folder) === instanceDir ? workerNode(instance, process.argv) : undefined;
    if (node !== undefined) found.set(instance, { ...process, node });
  }
  return found;
}

/**
 * The node name by which a process is known to be the worker of an instance, in its words or, where Celery rewrote them
 * (setproctitle), in its title; undefined for what a task started with the worker's environment.
 */
function workerNode(instance: string, argv: readonly string[]): string | undefined {
  const option = `--hostname=${instance}@`;
  const said = argv.find((word) => word.startsWith(option))?.slice("--hostname=".length);
  const title = /(\S+@\S+):MainProcess/.exec(argv.join(" "))?.[1];
  return said ?? (title?.startsWith(`${instance}@`) ? title : undefined);
}
