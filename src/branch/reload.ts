import type { HttpServer, TlsFiles } from "../http/server.ts";
import type { LogFile } from "../kit/log-file.ts";
import type { Log } from "../kit/log.ts";

/** What a running daemon can read again. */
export interface Reloadable {
  readonly log: Log;
  /** Undefined where the log is standard error. */
  readonly logFile: Pick<LogFile, "reopen"> | undefined;
  /** Reads the files of the certificate; undefined where there is none. */
  readonly tls: () => TlsFiles | undefined;
  /** Those that show it. */
  readonly servers: readonly Pick<HttpServer, "useCertificate">[];
}

/** Reads again what may change while the daemon runs, and says in the log what that was. What cannot be used is left as it is. */
export function reload({ log, logFile, tls, servers }: Reloadable): void {
  const reread: string[] = [];
  const tryTo = (what: string, work: () => boolean) => {
    try {
      if (work()) reread.push(what);
    } catch (error) {
      log.error("what was to be read again cannot be used: it stays as it was", { what, error });
    }
  };
  tryTo("log file", () => {
    logFile?.reopen();
    return logFile !== undefined;
  });
  tryTo("certificate", () => {
    const files = tls();
    if (files) for (const server of servers) server.useCertificate(files);
    return files !== undefined;
  });
  log.info("SIGHUP: read again what may change while the branch runs", { reread });
}
