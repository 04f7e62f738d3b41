import { chmodSync, rmSync } from "node:fs";
import type { Server } from "bun";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Api } from "./api.ts";
import { respond } from "./respond.ts";

/** Where the API listens. */
export type Listen =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined }
  | { readonly kind: "unix"; readonly path: string };

/** PEM texts. With `ca`, clients must show a certificate of it. */
interface TlsFiles {
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
  readonly #listen: Listen;
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #log: Log;
  #server: Server<undefined> | undefined;

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
      this.#server = listen.kind === "tcp" ? this.#serveTcp(listen) : this.#serveUnix(listen.path);
    } catch (error) {
      throw new ListenError(explain(listen, error));
    }
  }

  /** The port that is listened on; undefined for a socket. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  /** Takes no new connections, lets running requests finish until the deadline (clock time), then ends them. */
  async stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const ended = new AbortController();
    const graceful = server.stop(false).finally(() => ended.abort());
    this.#api.endStreams();
    // Aborted, since a timer that is left over keeps the process alive.
    await Promise.race([graceful, this.#clock.sleep(Math.max(0, deadlineMs - this.#clock.now()), ended.signal)]);
    await server.stop(true);
    if (this.#listen.kind === "unix") rmSync(this.#listen.path, { force: true });
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
        return this.#api.handle(request, isTrusted);
      },
      error: (error: Error) => {
        this.#log.error("request failed outside of the API", { error });
        return respond(500, { nok: "Internal error; the log of the branch has it", error: "internal" });
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
