import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Control } from "../../src/celery/control.ts";
import { alive } from "../harness/processes.ts";
import type { Celery } from "../harness/celery.ts";
import { until } from "../harness/wait.ts";

/** A real Celery worker that consumes from a queue of its own, `dq.<name>`, and autoscales between 1 and 3. */
export interface RealWorker extends AsyncDisposable {
  readonly node: string;
  readonly pid: number;
  isAlive(): boolean;
  log(): Promise<string>;
}

/** Starts a worker, without waiting for it to be ready. */
export async function startWorker(celery: Celery, brokerUrl: string, name: string): Promise<RealWorker> {
  const node = `${name}@test`;
  const directory = await mkdtemp(join(tmpdir(), "cyme-worker-"));
  const log = Bun.file(join(directory, "log"));
  const options = ["-n", node, "-Q", `dq.${name}`, "--autoscale=3,1", "--without-mingle", "--without-gossip"];
  const worker = Bun.spawn([celery.python, "-m", "celery", "-b", brokerUrl, "worker", ...options], {
    cwd: directory,
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
  });
  return {
    node,
    pid: worker.pid,
    isAlive: () => alive(worker.pid),
    log: () => log.text(),
    async [Symbol.asyncDispose]() {
      // The session is ours alone: its pool processes go with it.
      process.kill(-worker.pid, "SIGKILL");
      await worker.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until a worker answers. */
export async function answering(control: Control, worker: RealWorker): Promise<void> {
  const pinged = async () => (await control.ask("ping", {}, [worker.node], 500)).silent.length === 0;
  try {
    await until(pinged, { what: `${worker.node} to answer`, timeoutMs: 30_000 });
  } catch (error) {
    throw new Error(`${String(error)}\n${await worker.log()}`, { cause: error });
  }
}
