import { existsSync } from "node:fs";
import { version } from "../../package.json";
import { installWebhook, writtenOwn } from "../celery/webhook/install.ts";
import { DEFAULT_BROKER_URL, parseBrokerUrl } from "../domain/broker.ts";
import { CymeError } from "../domain/errors.ts";
import { parseSendPath } from "../http/send-path.ts";
import { untilTried } from "../kit/amqp.ts";
import { backoffMs } from "../kit/backoff.ts";
import { systemClock as clock } from "../kit/clock.ts";
import { heldBy, type FileLock } from "../kit/file-lock.ts";
import { LogFile } from "../kit/log-file.ts";
import { createLog, silentLog, type Log, type LogLevel } from "../kit/log.ts";
import { StoreError } from "../store/database.ts";
import type { Store } from "../store/store.ts";
import { CommandTaskBrokers } from "./command-task-brokers.ts";
import { compose, openStore, rememberedAllow, settleBranchId, type Parts } from "./compose.ts";
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
      /**
       * Ends what was begun first: a worker that stops to be started again, or that has to be killed if it does not stop; a task that
       * is sent without waiting. Rejects with what was not sent by the deadline.
       */
      close(ending: Ending): Promise<void>;
    };

/** How a command ends. */
interface Ending {
  readonly say: (text: string) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Of the command, clock time. */
  readonly deadlineMs: number;
}

type CommandParts = Parts<CommandTaskBrokers>;

/** The parts, and the end of looking for what is waited for. */
interface Opened {
  readonly parts: CommandParts;
  stopListening(): Promise<void>;
}

const STOP_MS = 3000;
/** What waits to be sent by now is of a caller who has given up. */
const GOODBYE_MS = 1000;
const PATIENCE_MS = 1000;
const LINK_MS = 2000;
/** For a task that is sent without waiting: as long as one that is waited for. */
const SEND_MS = 15_000;
const FIRST_LOOK_MS = 250;
const LAST_LOOK_MS = 1000;
const CATCH_UP_MS = 2000;
const MAX_BODY = 10 * 1024 * 1024;

/** Throws `not-found` where no branch was ever, `unavailable` where its database cannot be used. */
export async function openLocal(options: LocalOptions): Promise<LocalApi> {
  const directory = branchDirectory(options.instanceDir);
  if (await answers(directory.socket)) return { kind: "daemon", socket: directory.socket };
  refuseMute(directory);
  let opened: Promise<Opened> | undefined;
  let held: Promise<FileLock> | undefined;
  const handleHere = async (request: Request): Promise<Response> => {
    const isTask = isSend(request.url);
    // What is about those that there are makes no branch of a folder that was mistyped.
    if (isTask || request.method === "GET" || isAboutWorkers(request)) refuseAbsent(directory);
    // Reading needs no lock: a daemon may start meanwhile.
    const isWrite = isTask || request.method !== "GET";
    if (isWrite) {
      makeDirectory(directory);
      // Once, though the command may ask several times.
      held ??= holdDirectory(directory, "command", clock);
      await held;
    }
    opened ??= open(directory, options);
    const { parts } = await opened;
    if (isWrite) keepWebhook(directory, parts.store);
    return parts.api.handle(request, true);
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
    async close(ending) {
      try {
        const all = await opened?.catch(() => undefined);
        if (all) await end(all, ending);
      } finally {
        const lock = await held?.catch(() => undefined);
        lock?.release();
      }
    },
  };
}

const isAboutWorkers = ({ url }: Request) => new URL(url).pathname.startsWith("/api/workers/");

/** A GET may be one too. */
function isSend(url: string): boolean {
  try {
    return parseSendPath(url) !== undefined;
  } catch {
    return false; // It is refused, so nothing is sent.
  }
}

async function end({ parts, stopListening }: Opened, ending: Ending): Promise<void> {
  const unsent = await finish(parts, ending);
  await parts.supervisor.stop();
  parts.results.stop();
  await stopListening();
  await parts.taskBrokers.stop(clock.now() + GOODBYE_MS);
  await parts.brokers.stop(clock.now() + STOP_MS);
  parts.store.close();
  const [first] = unsent;
  if (!first) return;
  // What ends by Ctrl-C tells of no errors.
  if (ending.signal.aborted) ending.say(`${first.message}\n`);
  throw first;
}

/** Nobody would do it after us. Says so where it takes a moment. Gives what was not sent. */
async function finish(parts: CommandParts, ending: Ending): Promise<readonly CymeError[]> {
  const cancel = clock.after(PATIENCE_MS, () => ending.say("finishing what was begun (Ctrl-C leaves it half done)\n"));
  // Stopping a worker has a limit of its own.
  const [unsent] = await Promise.all([finishSending(parts, ending), parts.supervisor.finish()]);
  cancel();
  return unsent;
}

async function finishSending(
  { controller, taskBrokers }: CommandParts,
  { signal, deadlineMs }: Ending,
): Promise<readonly CymeError[]> {
  const done = new AbortController();
  const finished = controller.tasks.finish().finally(() => done.abort());
  const forMs = Math.min(SEND_MS, deadlineMs - clock.now());
  await clock.sleep(Math.max(0, forMs), AbortSignal.any([done.signal, signal]));
  // Who waits still is told that it was not sent.
  if (!done.signal.aborted) await taskBrokers.stop(clock.now());
  return finished;
}

/**
 * Another command, or a daemon that starts meanwhile, may take the result that is waited for: looks for it in the store as well, and on
 * the brokers while nobody else does.
 */
async function listen({ results, taskBrokers }: CommandParts, log: Log, signal: AbortSignal): Promise<void> {
  for (let looks = 0; !signal.aborted; looks++) {
    await clock.sleep(backoffMs(looks, FIRST_LOOK_MS, LAST_LOOK_MS), signal);
    try {
      if (!signal.aborted && results.look()) await taskBrokers.catchUp(CATCH_UP_MS);
    } catch (error) {
      log.error("results cannot be looked for", { error });
    }
  }
}

/** A daemon that does not answer knows more than what is stored. */
function refuseMute({ path, lock, socket }: BranchDirectory): void {
  // Without its socket it is just starting, or ending.
  if (!existsSync(socket) || !existsSync(lock)) return;
  const [holder, pid = "unknown"] = heldBy(lock)?.split(" ") ?? [];
  if (holder !== "daemon") return;
  const message = `A branch runs on ${path} (pid ${pid}), but does not answer at ${socket}: its log says more`;
  throw new CymeError("unavailable", message, { pid: Number(pid) });
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

/** For workers that a command starts: what they may reach is what the last daemon said, whatever became of the file. */
function keepWebhook({ path }: BranchDirectory, store: Store): void {
  const allow = rememberedAllow(store);
  try {
    installWebhook(path, allow === undefined ? undefined : { version, allow, own: writtenOwn(path) });
  } catch (error) {
    throw new CymeError("unavailable", `Cannot write what workers need: ${(error as Error).message}`);
  }
}

async function open(directory: BranchDirectory, options: LocalOptions): Promise<Opened> {
  let store: Store;
  try {
    store = openStore(directory);
  } catch (error) {
    throw error instanceof StoreError ? new CymeError("unavailable", error.message) : error;
  }
  const branchId = settleBranchId(store, undefined, clock.now(), silentLog);
  const broker = parseBrokerUrl("broker", options.broker ?? store.settings.get("broker") ?? DEFAULT_BROKER_URL);
  const { loglevel, logfile } = options;
  const log = logfile === undefined ? silentLog : createLog({ level: loglevel ?? "INFO", to: new LogFile(logfile) });
  const plan = {
    directory,
    store,
    clock,
    log,
    branchId,
    broker,
    command: store.settings.get("command") ?? "celery",
    intervalMs: 5000,
    restartMaxRate: { count: 1, periodMs: 60_000, text: "1/m" },
    // A command does not wait for that.
    retryDisabledMs: 0,
    waitAfterBrokerRevivedMs: 0,
    // Silence cannot be told within one command.
    unresponsiveAfterMs: Number.POSITIVE_INFINITY,
    // Nothing is dropped by a command.
    resultExpiresMs: Number.POSITIVE_INFINITY,
    // Somebody waits for the command to end.
    nowaitSendMs: 15_000,
    maxBody: MAX_BODY,
    guard: { allowedHosts: [], corsOrigin: undefined },
    isOpen: false,
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
  };
  // Whoever has it instead of us stores what comes.
  const hold = (forMs: number) => holdDirectory(directory, "command", clock, forMs).catch(() => undefined);
  const parts = compose(plan, (given) => new CommandTaskBrokers(given, hold));
  // What is known of workers is what they answer: give the connection a moment.
  await untilTried(parts.brokers.use(broker).link, clock, LINK_MS);
  const closed = new AbortController();
  const listening = listen(parts, log, closed.signal);
  return {
    parts,
    stopListening() {
      closed.abort();
      return listening;
    },
  };
}
