import { existsSync } from "node:fs";
import { version } from "../../package.json";
import { installWebhook, webhookPolicy } from "../celery/webhook/install.ts";
import { DEFAULT_BROKER_URL, parseBrokerUrl } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import { untilTried } from "../kit/amqp.ts";
import { systemClock as clock } from "../kit/clock.ts";
import type { FileLock } from "../kit/file-lock.ts";
import { createLog, silentLog, type LogLevel } from "../kit/log.ts";
import { StoreError } from "../store/database.ts";
import type { Store } from "../store/store.ts";
import { compose, openStore, settleBranchId, type Parts } from "./compose.ts";
import { isAboutBranches, observe } from "./observe.ts";
import { branchDirectory, holdDirectory, makeDirectory, type BranchDirectory } from "./directory.ts";

/** For `--local`: the instance directory to work on. */
export interface LocalOptions {
  readonly instanceDir: string;
  /** URL text of the branch's default broker, where given; else the one that the daemon was last started with. */
  readonly broker?: string | undefined;
  readonly loglevel?: LogLevel | undefined;
  readonly logfile?: string | undefined;
}

/** How to ask the branch of a directory: by the socket of its daemon, or, where none runs, in this process. */
export type LocalApi =
  | { readonly kind: "daemon"; readonly socket: string }
  | {
      readonly kind: "direct";
      handle(request: Request): Promise<Response>;
      /** Ends what was begun first: a worker that stops to be started again, or that has to be killed if it does not stop. */
      close(say: (text: string) => void): Promise<void>;
    };

const STOP_MS = 3000;
const PATIENCE_MS = 1000;
const LINK_MS = 2000;
const MAX_BODY = 10 * 1024 * 1024;

/** Throws `not-found` where no branch was ever, `unavailable` where its database cannot be used. */
export async function openLocal(options: LocalOptions): Promise<LocalApi> {
  const directory = branchDirectory(options.instanceDir);
  if (await answers(directory.socket)) return { kind: "daemon", socket: directory.socket };
  let opened: Promise<Parts> | undefined;
  let held: Promise<FileLock> | undefined;
  const handleHere = async (request: Request): Promise<Response> => {
    // Reading needs no lock: a daemon may start meanwhile.
    if (request.method === "GET") refuseAbsent(directory);
    else {
      makeDirectory(directory);
      // Once, though the command may ask several times.
      held ??= holdDirectory(directory, "command", clock);
      await held;
    }
    opened ??= open(directory, options);
    return (await opened).api.handle(request, true);
  };
  return {
    kind: "direct",
    handle(request) {
      // A broker that was named says more than what was written down here once, which is all there is without it.
      if (options.broker === undefined || !isAboutBranches(request)) return handleHere(request);
      return observe(options.broker, request, async (why) => {
        if (request.method !== "GET" || !existsSync(directory.database)) throw why;
        return handleHere(request);
      });
    },
    async close(say) {
      const parts = await opened?.catch(() => undefined);
      if (parts) await finish(parts, say);
      await parts?.supervisor.stop();
      parts?.results.stop();
      await parts?.taskBrokers.stop(clock.now() + STOP_MS);
      await parts?.brokers.stop(clock.now() + STOP_MS);
      parts?.store.close();
      const lock = await held?.catch(() => undefined);
      lock?.release();
    },
  };
}

/** Nobody would do it after us. It ends by itself: stopping has a limit. Says so where it takes a moment. */
async function finish({ supervisor, controller }: Parts, say: (text: string) => void): Promise<void> {
  const cancel = clock.after(PATIENCE_MS, () => say("finishing what was begun (Ctrl-C leaves it half done)\n"));
  await Promise.all([supervisor.finish(), controller.tasks.finish()]);
  cancel();
}

async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  try {
    const response = await fetch("http://localhost/ping/", { unix: socket, signal: AbortSignal.timeout(5000) });
    return response.ok;
  } catch {
    return false;
  }
}

function refuseAbsent({ path, database }: BranchDirectory): void {
  if (existsSync(database)) return;
  throw new CymeError(
    "not-found",
    `There is no branch in ${path}: name its instance directory with -D, or start one with \`cyme branch -D ${path}\``,
  );
}

/** For workers that a command starts: with the policy of the last daemon, where there was one. */
function keepWebhook({ path }: BranchDirectory): void {
  try {
    installWebhook(path, webhookPolicy(path) ?? { version, allow: null, own: [] });
  } catch (error) {
    throw new CymeError("unavailable", `Cannot write what workers need: ${(error as Error).message}`);
  }
}

async function open(directory: BranchDirectory, options: LocalOptions): Promise<Parts> {
  let store: Store;
  try {
    store = openStore(directory);
  } catch (error) {
    throw error instanceof StoreError ? new CymeError("unavailable", error.message) : error;
  }
  keepWebhook(directory);
  const branchId = settleBranchId(store, undefined, silentLog);
  const broker = parseBrokerUrl("broker", options.broker ?? store.settings.get("broker") ?? DEFAULT_BROKER_URL);
  const { loglevel, logfile } = options;
  const parts = compose({
    directory,
    store,
    clock,
    log: logfile === undefined ? silentLog : createLog({ level: loglevel ?? "INFO", file: logfile }),
    branchId,
    broker,
    command: store.settings.get("command") ?? "celery",
    intervalMs: 5000,
    restartMaxRate: { count: 1, periodMs: 60_000, text: "1/m" },
    waitAfterBrokerRevivedMs: 0,
    // Silence cannot be told within one command.
    unresponsiveAfterMs: Number.POSITIVE_INFINITY,
    // Nothing is dropped by a command.
    resultExpiresMs: Number.POSITIVE_INFINITY,
    // Somebody waits for the command to end.
    nowaitSendMs: 15_000,
    maxBody: MAX_BODY,
    guard: { allowedHosts: [], corsOrigin: undefined },
    openBus: undefined,
    identity: () => ({
      id: branchId,
      url: null,
      port: null,
      version,
      loglevel: loglevel ?? "INFO",
      logfile: null,
      numc: 0,
      supIntervalS: 0,
      startedAtMs: null,
      pid: null,
    }),
    shutDown: () => {
      throw new CymeError("conflict", `No branch runs on ${directory.path}`);
    },
  });
  // What is known of workers is what they answer: give the connection a moment.
  await untilTried(parts.brokers.use(broker).link, clock, LINK_MS);
  return parts;
}
