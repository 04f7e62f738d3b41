import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { version } from "../../package.json";
import { AmqpBus } from "../bus/amqp-bus.ts";
import { messageBytes } from "../bus/messages.ts";
import { TaskBrokers } from "../celery/task-brokers.ts";
import { installWebhook } from "../celery/webhook/install.ts";
import type { BranchIdentity } from "../controller/branches.ts";
import type { BranchOptions } from "../domain/branch.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl, type Broker } from "../domain/broker.ts";
import { CymeError, invalid } from "../domain/errors.ts";
import { parseRate } from "../domain/rate.ts";
import { parseWebhookAllow, type WebhookAllow } from "../domain/webhook.ts";
import { Page } from "../http/page.ts";
import { HttpServer, ListenError, type Listen } from "../http/server.ts";
import { systemClock as clock } from "../kit/clock.ts";
import { LogFile, standardError } from "../kit/log-file.ts";
import { createLog, type Log } from "../kit/log.ts";
import { isLoopback } from "../kit/loopback.ts";
import { StatusLine } from "../kit/status-line.ts";
import { StoreError } from "../store/database.ts";
import type { Store } from "../store/store.ts";
import { Notifier } from "./notify.ts";
import { reload } from "./reload.ts";
import { SelfWatch } from "./self-watch.ts";
import { services } from "./services.ts";
import { readTls } from "./tls.ts";
import { compose, openStore, rememberDefaults, settleBranchId, type Parts, type Plan } from "./compose.ts";
import { onAddress, otherAddresses } from "./other-addresses.ts";
import { pageFiles } from "./page-assets.ts";
import { detach, isDetached, tellReady, tellStep } from "./detach.ts";
import { startingStep } from "./steps.ts";
import {
  branchDirectory,
  holdDirectory,
  makeDirectory,
  removePidFile,
  writePidFile,
  type BranchDirectory,
} from "./directory.ts";

/** The terminal that the daemon was started on, and the process that it runs in. */
export interface BranchIo {
  readonly stderr: (text: string) => void;
  readonly stderrIsTTY: boolean;
  readonly stderrColumns: number;
  readonly host: {
    /** Aborted when the daemon is to stop. */
    readonly interrupted: AbortSignal;
    /** Has SIGHUP call `listener`. */
    onHangup(listener: () => void): void;
    exit(code: number): never;
  };
}

const KEPT_LOGS = 5;
const STOP_MS = 10_000;
/** When a part does not end by then, all ends. */
const FORCED_MS = STOP_MS + 5_000;
const FAILED = 1;
/** Of this, for the last answers. */
const LAST_WORDS_MS = 2_000;
/** Of this, to take leave of the other branches. */
const GOODBYE_MS = 1_000;
/** What is waited for is said anew so often. */
const STEP_MS = 200;
const NOWAIT_SEND_MS = 10 * 60_000;

/** Of a disk that cannot be written. */
const NO_ROOM = ["ENOSPC", "EDQUOT", "EROFS"];

/** Runs the daemon until it is told to stop; resolves to 0 then. Rejects with a CymeError where it cannot start. */
export async function runBranch(options: BranchOptions, io: BranchIo): Promise<number> {
  const directory = branchDirectory(options.instanceDir);
  refuseOpenAddress(options, directory);
  // Before anything is made or begun; the terminal is still there to read it.
  readTls(options);
  makeDirectory(directory);
  const logfile = options.logfile ?? (options.detach ? directory.log : undefined);
  if (options.detach && !isDetached()) return detachFrom(io, logfile ?? directory.log);
  const lock = await holdDirectory(directory, "daemon", clock);
  try {
    return await new Daemon(options, directory, logfile === undefined ? undefined : resolve(logfile), io).run();
  } catch (error) {
    if (error instanceof StoreError || error instanceof ListenError) throw new CymeError("unavailable", error.message);
    const { code, message } = error as Error & { readonly code?: string };
    const isFull = code !== undefined && NO_ROOM.includes(code);
    throw isFull ? new CymeError("unavailable", `Cannot write in ${directory.path}: ${message}`) : error;
  } finally {
    lock.release();
  }
}

function detachFrom(io: BranchIo, logfile: string): Promise<number> {
  const line = statusLine(io);
  return detach(logfile, {
    stderr: io.stderr,
    showStep: (step) => line.show(step),
    showReady: (words) => (io.stderrIsTTY ? io.stderr(`${words}\n`) : undefined),
    interrupted: io.host.interrupted,
  });
}

/** Below the log, where that is written to a terminal. */
const statusLine = (io: BranchIo) => new StatusLine(standardError, () => (io.stderrIsTTY ? io.stderrColumns : 0));

/** Without users everybody who reaches the address would be admin. Throws `invalid`. */
function refuseOpenAddress({ host, insecure, withoutHttpd }: BranchOptions, directory: BranchDirectory): void {
  if (isLoopback(host) || insecure || withoutHttpd || hasAccounts(directory)) return;
  throw invalid(
    "address",
    `a loopback address such as 127.0.0.1 as long as there are no users: add one first with \`cyme createsuperuser -L -D ${directory.path}\`, or give --insecure to let anybody who reaches the address do everything`,
    host,
  );
}

/** Whether there is a user or a token, by which somebody can be known. */
function hasAccounts(directory: BranchDirectory): boolean {
  if (!existsSync(directory.database)) return false;
  const store = openStore(directory);
  try {
    return store.users.isAny() || store.tokens.isAny();
  } finally {
    store.close();
  }
}

class Daemon {
  readonly #options: BranchOptions;
  readonly #directory: BranchDirectory;
  readonly #logfile: string | undefined;
  readonly #io: BranchIo;
  readonly #logFile: LogFile | undefined;
  readonly #log: Log;
  /** Where there is a terminal with the log on it; with a log file nobody looks there. */
  readonly #line: StatusLine | undefined;
  readonly #notifier = Notifier.from(process.env);
  readonly #self: SelfWatch;
  readonly #broker: Broker;
  readonly #allow: readonly WebhookAllow[] | null;
  readonly #startedAtMs = clock.now();
  /** Aborted by DELETE /branches/<id>/. */
  readonly #shutDown = new AbortController();
  /** Rejects when another branch has this one's id. */
  readonly #refused = Promise.withResolvers<never>();
  #port: number | null = null;

  constructor(options: BranchOptions, directory: BranchDirectory, logfile: string | undefined, io: BranchIo) {
    this.#options = options;
    this.#directory = directory;
    this.#logfile = logfile;
    this.#io = io;
    this.#logFile = openLogFile(options, logfile);
    this.#line = this.#logFile ? undefined : statusLine(io);
    this.#log = createLog({ level: options.loglevel, to: this.#logFile ?? this.#line ?? standardError });
    this.#self = new SelfWatch({ clock, log: this.#log, logFile: logfile, notifier: this.#notifier });
    this.#broker = parseBrokerUrl("broker", options.broker);
    // It may be refused while the daemon still starts.
    this.#refused.promise.catch(() => {});
    this.#allow = parseWebhookAllow("--webhook-allow", options.webhookAllow);
  }

  async run(): Promise<number> {
    this.#showStep("starting: opening the store");
    const store = openStore(this.#directory);
    try {
      const branchId = settleBranchId(store, this.#options.id, clock.now(), this.#log);
      const { command } = this.#options;
      rememberDefaults(store, { broker: this.#broker, command, allow: this.#allow }, this.#log);
      return await this.#serve(store, branchId);
    } finally {
      store.close();
      this.#showStep("");
    }
  }

  /** Says to who started it what is waited for; "" for nothing any more. */
  #showStep(text: string): void {
    this.#line?.show(text);
    tellStep(text);
  }

  /** Says what is waited for until that is ended by what it gives. */
  #showStarting(parts: Parts<TaskBrokers>): () => void {
    let cancel = () => {};
    const show = () => {
      this.#showStep(startingStep(parts));
      cancel = clock.after(STEP_MS, show);
    };
    show();
    return () => {
      cancel();
      this.#showStep("");
    };
  }

  async #serve(store: Store, branchId: string): Promise<number> {
    const { pidfile } = this.#options;
    const parts = this.#compose(store, branchId);
    const pidFiles = [this.#directory.pidFile, ...(pidfile === undefined ? [] : [pidfile])];
    const servers = this.#servers(parts);
    const failed = watchForFailures(this.#log);
    this.#io.host.onHangup(() => this.#reload(servers));
    let endStarting = () => {};
    try {
      this.#showStep("starting: HTTP");
      const { port, withoutHttpd } = this.#options;
      // Before anything is asked of us: workers that run read it while tasks are sent already.
      this.#installWebhook(withoutHttpd || port === 0 ? null : port, parts);
      for (const server of servers) server.start();
      this.#port = servers.find(({ name }) => name === "http")?.port ?? null;
      // The system chose it.
      if (port === 0) this.#installWebhook(this.#port, parts);
      parts.supervisor.start();
      parts.brokers.use(this.#broker);
      parts.results.start(parts.taskBrokers);
      parts.controller.arrivals.start();
      parts.controller.samples.start();
      parts.owners.start();
      parts.definitions.start();
      // What URL tasks may not reach is to hold for the APIs of the others too.
      onAddress(parts.cluster, () => this.#keepWebhook(parts));
      parts.cluster.start();
      for (const file of pidFiles) writePidFile(file);
      this.#self.start({
        services: services(parts, servers, this.#options.supIntervalS * 1000),
        health: parts.controller.health,
      });
      const stopped = [aborted(this.#io.host.interrupted), aborted(this.#shutDown.signal)];
      endStarting = this.#showStarting(parts);
      const ended = [failed.promise, this.#self.givenUp, this.#refused.promise, ...stopped];
      // Another branch may have the id: whoever starts this one is to hear of that.
      await Promise.race([parts.cluster.untilTried(), ...ended]);
      endStarting();
      this.#log.info("branch is ready", { id: branchId, url: this.#url, version });
      this.#io.stderr(this.#banner(branchId));
      if (this.#line && this.#io.stderrIsTTY) this.#io.stderr(`${this.#readyLine()}\n`);
      // By then whoever started it has heard what it said.
      if (this.#options.detach) this.#logFile?.takeStandardStreams();
      tellReady(this.#readyLine());
      this.#notifier.ready();
      return (await Promise.race(ended)) ? FAILED : 0;
    } finally {
      failed.end();
      endStarting();
      this.#notifier.stopping();
      this.#log.info("branch is stopping; its workers stay");
      const deadlineMs = clock.now() + STOP_MS;
      const cancelForce = clock.after(FORCED_MS, () => this.#endNow());
      // First, since it ends the waits that keep requests from finishing.
      this.#line?.show("stopping: waiting for the supervisor; its workers stay");
      await parts.supervisor.stop();
      parts.results.stop();
      parts.controller.samples.stop();
      parts.owners.stop();
      parts.definitions.stop();
      // Before the servers end: who waits for a send is to be told what became of it.
      const sent = parts.taskBrokers.stop(deadlineMs - LAST_WORDS_MS);
      this.#line?.show("stopping: waiting for requests that are being answered (Ctrl-C ends them)");
      // Before the bus ends: requests may be on their way to other branches.
      for (const server of servers.toReversed()) await server.stop(deadlineMs - GOODBYE_MS);
      this.#line?.show("stopping: taking leave of the other branches");
      await parts.cluster.stop(deadlineMs);
      this.#line?.show("stopping: waiting for the connections to brokers to end");
      await Promise.all([sent, parts.brokers.stop(deadlineMs)]);
      for (const file of pidFiles) removePidFile(file);
      this.#self.stop();
      cancelForce();
      this.#log.info("branch has stopped");
    }
  }

  /** Rereads what may change while the daemon runs. */
  #reload(servers: readonly HttpServer[]): void {
    const reloadable = {
      log: this.#log,
      logFile: this.#logFile,
      tls: () => readTls(this.#options),
      servers: servers.filter(({ name }) => name === "http"),
    };
    this.#notifier.reload(() => reload(reloadable));
  }

  #endNow(): never {
    this.#log.critical("a part of the branch does not stop: the branch ends all the same, its workers stay");
    return this.#io.host.exit(FAILED);
  }

  #compose(store: Store, branchId: string): Parts<TaskBrokers> {
    const options = this.#options;
    const restartMaxRate = parseRate(options.restartMaxRate);
    if (!restartMaxRate) throw invalid("--restart-max-rate", "n/s, n/m or n/h", options.restartMaxRate);
    const plan: Plan = {
      directory: this.#directory,
      store,
      clock,
      log: this.#log,
      branchId,
      broker: this.#broker,
      command: options.command,
      intervalMs: options.supIntervalS * 1000,
      restartMaxRate,
      retryDisabledMs: options.retryDisabledS * 1000,
      waitAfterBrokerRevivedMs: options.waitAfterBrokerRevivedS * 1000,
      unresponsiveAfterMs: options.unresponsiveAfterS * 1000,
      resultExpiresMs: options.resultExpiresS * 1000,
      nowaitSendMs: NOWAIT_SEND_MS,
      maxBody: options.maxBodyBytes,
      guard: { allowedHosts: options.allowedHost.map((host) => host.toLowerCase()), corsOrigin: options.corsOrigin },
      page: new Page(pageFiles()),
      isOpen: isLoopback(options.host) || options.insecure,
      openBus: ({ handle, facts }) =>
        new AmqpBus({
          self: { id: branchId, key: store.settings.branchKey(), version, facts },
          handle,
          url: brokerUrl(this.#broker),
          label: brokerLabel(this.#broker),
          controllers: options.numc,
          maxBytes: messageBytes(options.maxBodyBytes),
          clock,
          log: this.#log.with({ part: "bus" }),
          onRefused: (why) => {
            this.#log.critical("this branch ends", { why: why.message });
            this.#refused.reject(why);
          },
        }),
      identity: () => this.#identity(branchId),
      self: this.#self,
      // A moment later, so that who asked gets the answer.
      shutDown: () => void clock.after(50, () => this.#shutDown.abort()),
    };
    return compose(plan, (given) => new TaskBrokers(given));
  }

  #servers({ api }: Parts<TaskBrokers>): HttpServer[] {
    const { host, port, withoutHttpd } = this.#options;
    const tcp: Listen = { kind: "tcp", host, port, tls: readTls(this.#options) };
    const listens: Listen[] = [{ kind: "unix", path: this.#directory.socket }, ...(withoutHttpd ? [] : [tcp])];
    return listens.map((listen) => new HttpServer(listen, api, clock, this.#log));
  }

  /** `port` is null where this branch does not listen for HTTP, or where that is not known yet. */
  #installWebhook(port: number | null, { cluster, store }: Parts<TaskBrokers>): void {
    const others = otherAddresses(cluster, store.knownBranches.all());
    const own = [...(port === null ? [] : [{ host: this.#options.host, port }]), ...others];
    try {
      installWebhook(this.#directory.path, { version, allow: this.#allow, own });
    } catch (error) {
      throw new CymeError("unavailable", `Cannot write what workers need: ${(error as Error).message}`);
    }
  }

  #keepWebhook(parts: Parts<TaskBrokers>): void {
    try {
      this.#installWebhook(this.#port, parts);
    } catch (error) {
      this.#log.error("URL tasks may reach the APIs of other branches", { error });
    }
  }

  get #url(): string | null {
    if (this.#port === null) return null;
    const { host, tlsCert } = this.#options;
    const isAny = host === "0.0.0.0" || host === "::";
    const name = isAny ? hostname() : host.includes(":") ? `[${host}]` : host;
    return `${tlsCert === undefined ? "http" : "https"}://${name}:${this.#port}`;
  }

  #identity(id: string): BranchIdentity {
    const { loglevel, numc, supIntervalS } = this.#options;
    return {
      id,
      url: this.#url,
      port: this.#port,
      version,
      loglevel,
      logfile: this.#logfile ?? null,
      numc,
      supIntervalS,
      startedAtMs: this.#startedAtMs,
      pid: process.pid,
    };
  }

  #readyLine(): string {
    const url = this.#url;
    return url === null ? "ready, without HTTP: commands reach it with -L" : `ready: ${url}, page ${url}/admin/`;
  }

  #banner(id: string): string {
    const { numc, supIntervalS } = this.#options;
    return [
      `cyme branch ${id} v${version}`,
      `  url:           ${this.#url ?? "none (--without-httpd)"}`,
      ...(this.#url === null ? [] : [`  page:          ${this.#url}/admin/`]),
      `  broker:        ${brokerLabel(this.#broker)}`,
      `  logfile:       ${this.#logfile ?? "standard error"}`,
      `  sup. interval: ${supIntervalS} s`,
      `  controllers:   ${numc}`,
      `  instance dir:  ${this.#directory.path}`,
      "",
    ].join("\n");
  }
}

/** Undefined where the log is standard error. */
function openLogFile({ logMaxBytes }: BranchOptions, file: string | undefined): LogFile | undefined {
  if (file === undefined) return undefined;
  try {
    return new LogFile(file, { maxBytes: logMaxBytes, kept: KEPT_LOGS });
  } catch (error) {
    throw new CymeError("invalid", `Cannot write the log file ${file}: ${(error as Error).message}`);
  }
}

/**
 * An exception that nobody caught may have left a part half done, so it ends the daemon, to be started again. A rejection
 * that nobody waited for has ended only itself: it is logged.
 */
function watchForFailures(log: Log): { promise: Promise<true>; end: () => void } {
  const { promise, resolve: fail } = Promise.withResolvers<true>();
  const onException = (error: unknown) => {
    log.critical("uncaught exception: the branch ends", { error });
    fail(true);
  };
  const onRejection = (error: unknown) => log.error("unhandled rejection", { error });
  process.on("uncaughtException", onException);
  process.on("unhandledRejection", onRejection);
  return {
    promise,
    end() {
      process.off("uncaughtException", onException);
      process.off("unhandledRejection", onRejection);
    },
  };
}

/** Resolves to false when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((done) => {
    if (signal.aborted) done(false);
    else signal.addEventListener("abort", () => done(false), { once: true });
  });
}
