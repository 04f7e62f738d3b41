import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { workerCommandLine } from "../../src/celery/command-line.ts";
import { installWebhook } from "../../src/celery/webhook/install.ts";
import { parseBrokerUrl } from "../../src/domain/broker.ts";
import type { Pool } from "../../src/domain/instance.ts";
import { NO_LAUNCH, resolveLaunch } from "../../src/domain/launch.ts";
import type { Celery } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { until } from "../harness/wait.ts";
import { OPEN } from "./fetcher.ts";

const PROJECT = resolve(import.meta.dir, "project");

/** A worker as a branch starts it, that consumes from the queue `dq.<name>`. */
export interface WebhookWorker extends AsyncDisposable {
  readonly queue: string;
  log(): Promise<string>;
}

interface Options {
  readonly celery: Celery;
  readonly broker: string;
  readonly pool?: Pool;
  readonly arguments?: string;
}

/** Starts the worker and waits until it is ready. */
export async function startWebhookWorker({
  celery,
  broker,
  pool = "prefork",
  ...options
}: Options): Promise<WebhookWorker> {
  const name = `w${crypto.randomUUID().slice(0, 8)}`;
  const instanceDir = mkdtempSync(join(tmpdir(), "cyme-webhook-"));
  const folder = join(instanceDir, name);
  mkdirSync(folder);
  const launch = { ...NO_LAUNCH, arguments: options.arguments ?? null, env: { PYTHONPATH: PROJECT } };
  const { argv, cwd, env } = workerCommandLine({
    instance: { name, pool, maxConcurrency: pool === "solo" ? 1 : 2, minConcurrency: 1 },
    launch: resolveLaunch(launch, NO_LAUNCH, { broker: parseBrokerUrl("broker", broker), command: celery.command }),
    node: `${name}@test`,
    folder,
    home: folder,
    webhookDir: installWebhook(instanceDir, OPEN),
    inherited: process.env,
    isRevival: true,
  });
  const log = Bun.file(join(folder, "worker.log"));
  const worker = Bun.spawn([...argv], { cwd, env, stdin: "ignore", stdout: log, stderr: log, detached: true });
  const dispose = async () => {
    // The session is its own.
    if (alive(worker.pid)) process.kill(-worker.pid, "SIGKILL");
    await worker.exited;
    rmSync(instanceDir, { recursive: true });
  };
  const started = { queue: `dq.${name}`, log: () => log.text(), [Symbol.asyncDispose]: dispose };
  try {
    await logged(started, / ready\.$/m);
  } catch (error) {
    await dispose();
    throw error;
  }
  return started;
}

/** Waits until the worker's log has a line like this. */
export async function logged(worker: WebhookWorker, line: RegExp): Promise<void> {
  try {
    await until(async () => line.test(await worker.log()), { what: `${line} in the log`, timeoutMs: 40_000 });
  } catch (error) {
    throw new Error(`${String(error)}\n${await worker.log()}`, { cause: error });
  }
}
