import { chmodSync, existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import type { Server } from "bun";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Api } from "./api.ts";
import { probe, type Target } from "./probe.ts";
import { respond } from "./respond.ts";
import { addSecurityHeaders } from "./security-headers.ts";

/** Where the API listens. */
export type Listen =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined }
  | { readonly kind: "unix"; readonly path: string };

/** PEM texts. With `ca`, clients must show a certificate of it. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

/** The server cannot listen; the message says where, why and what to do. */
export class ListenError extends Error {}

const IDLE_S = 120;
/**
 * For sockets, where server.timeout() has no effect (Bun 1.4.5) and the default of 10 s would cut off long operations.
 * Bun heeds it there, its types forbid it.
 */
const NO_IDLE_LIMIT: object = { idleTimeout: 0 };

/** Serves the API at one address. */
export class HttpServer {
  readonly name: string;
  #listen: Listen;
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #log: Log;
  #server: Server<undefined> | undefined;
  /** Those that take no new connections any more and end with their last one. */
  readonly #leaving = new Set<Server<undefined>>();

  constructor(listen: Listen, api: Api, clock: Clock, log: Log) {
    this.name = listen.kind === "tcp" ? "http" : "socket";
    this.#listen = listen;
    this.#api = api;
    this.#clock = clock;
    this.#log = log;
  }

  /** Throws ListenError. */
  start(): void {
    const listen = this.#listen;
    try {
      this.#server = this.#serve(listen);
    } catch (error) {
      throw new ListenError(explain(listen, error));
    }
  }

  /** The port that is listened on; undefined for a socket. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  /** Where it can be asked whether it answers; undefined while it does not listen. */
  get target(): Target | undefined {
    const listen = this.#listen;
    if (!this.#server) return undefined;
    if (listen.kind === "unix") return { path: listen.path };
    const security = !listen.tls ? "none" : listen.tls.ca === undefined ? "tls" : "tls with client certificates";
    return { host: listen.host, port: this.#server.port ?? listen.port, security };
  }

  /** Rejects, with why, where it does not answer. A socket that somebody has removed is made again first. */
  async ask(): Promise<void> {
    const target = this.target;
    if (!target) throw new Error("it does not listen");
    if ("path" in target && !existsSync(target.path) && existsSync(dirname(target.path))) {
      this.#listenAnew(this.#listen);
      this.#log.warning("the socket of the branch was gone: it is made again", { path: target.path });
    }
    await probe(target);
  }

  /**
   * Has new connections get another certificate; those that there are keep theirs. Throws where it cannot be used: all stays as
   * it was then. Bun's own reload would keep the old one without a word.
   */
  useCertificate(tls: TlsFiles): void {
    const before = this.#listen;
    if (before.kind !== "tcp" || !this.#server) return;
    createSecureContext(tls);
    const port = this.#server.port ?? before.port;
    this.#listen = { ...before, tls, port };
    try {
      this.#listenAnew(this.#listen);
    } catch (error) {
      this.#listen = { ...before, port };
      this.#listenAnew(this.#listen);
      throw error;
    }
  }

  /** Takes no new connections, lets running requests finish until the deadline (clock time), then ends them. */
  async stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    for (const leaving of this.#leaving) void leaving.stop(true);
    const ended = new AbortController();
    const graceful = server.stop(false).finally(() => ended.abort());
    this.#api.endStreams();
    // Aborted, since a timer that is left over keeps the process alive.
    await Promise.race([graceful, this.#clock.sleep(Math.max(0, deadlineMs - this.#clock.now()), ended.signal)]);
    await server.stop(true);
    if (this.#listen.kind === "unix") rmSync(this.#listen.path, { force: true });
  }

  /** At once, so that no connection is refused meanwhile. */
  #listenAnew(listen: Listen): void {
    const before = this.#server;
    if (before) {
      this.#leaving.add(before);
      void before.stop(false).finally(() => this.#leaving.delete(before));
    }
    this.#server = this.#serve(listen);
  }

  #serve(listen: Listen): Server<undefined> {
    return listen.kind === "tcp" ? this.#serveTcp(listen) : this.#serveUnix(listen.path);
  }

  #serveTcp({ host, port, tls }: Listen & { kind: "tcp" }): Server<undefined> {
    const secure = tls && {
      tls: {
        cert: tls.cert,
        key: tls.key,
        ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
      },
    };
    // reusePort is on by default outside of development: a second branch would share the port in silence.
    return Bun.serve({
      ...this.#common(false),
      hostname: host,
      port,
      reusePort: false,
      idleTimeout: IDLE_S,
      ...secure,
    });
  }

  #serveUnix(path: string): Server<undefined> {
    rmSync(path, { force: true });
    const before = process.umask(0o177);
    try {
      const server = Bun.serve({ ...this.#common(true), ...NO_IDLE_LIMIT, unix: path });
      chmodSync(path, 0o600);
      return server;
    } finally {
      process.umask(before);
    }
  }

  #common(isTrusted: boolean) {
    return {
      development: false as const,
      // The API counts itself, so that the answer is its own.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request: Request, server: Server<undefined>) => {
        // Operations have deadlines of their own, longer than a silent connection may last.
        const mayLast = request.method !== "GET" || /follow=|\/wait/.test(request.url);
        if (mayLast) server.timeout(request, 0);
        return this.#api.handle(request, isTrusted, server.requestIP(request)?.address ?? null);
      },
      error: (error: Error) => {
        this.#log.error("request failed outside of the API", { error });
        const response = respond(500, { nok: "Internal error; the log of the branch has it", error: "internal" });
        addSecurityHeaders(response.headers, false);
        return response;
      },
    };
  }
}

function explain(listen: Listen, error: unknown): string {
  const code = (error as { code?: string }).code ?? "";
  const where = listen.kind === "tcp" ? `${listen.host}:${listen.port}` : listen.path;
  const hints: Record<string, string> = {
    EADDRINUSE: "another program listens there already: choose another port",
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "this user may not listen there",
    EINVAL: "this is no address of this machine",
  };
  return `Cannot listen on ${where}: ${hints[code] ?? (error instanceof Error ? error.message : String(error))}`;
}
