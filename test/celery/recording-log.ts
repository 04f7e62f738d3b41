import { formatLine } from "../../src/kit/log-line.ts";
import type { Log, LogLevel } from "../../src/kit/log.ts";

/** A log whose lines, as a file would hold them, are kept in `lines`. */
export function recordingLog(lines: string[]): Log {
  const at =
    (level: LogLevel): Log["info"] =>
    (message, fields = {}) => {
      lines.push(formatLine(new Date(0), level, message, fields));
    };
  const log: Log = {
    debug: at("DEBUG"),
    info: at("INFO"),
    warning: at("WARNING"),
    error: at("ERROR"),
    critical: at("CRITICAL"),
    with: () => log,
  };
  return log;
}
