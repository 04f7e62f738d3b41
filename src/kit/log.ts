import { createConsola, type ConsolaInstance } from "consola";
import type { LineSink } from "./log-file.ts";
import { formatLine } from "./log-line.ts";

export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL";
export const LOG_LEVELS: readonly LogLevel[] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/** What varies in a message. Errors are written with their stack, everything else as JSON. */
export type Fields = Record<string, unknown>;

/** A log: the message is constant text, what varies is a field. `with` adds fields to every line. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  critical(message: string, fields?: Fields): void;
  with(fields: Fields): Log;
}

const CONSOLA_LEVELS: Record<LogLevel, number> = { DEBUG: 4, INFO: 3, WARNING: 1, ERROR: 0, CRITICAL: 0 };
type ConsolaType = "debug" | "info" | "warn" | "error" | "fatal";
const NAMES: Record<string, LogLevel> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
  fatal: "CRITICAL",
};

/**
 * A log that writes lines `2026-11-21T18:57:00.123Z INFO message key=value …` to `to`. Lines below `level` are dropped. A line
 * that cannot be written (disk full) is lost: the program goes on, and the next one that can be is preceded by how many.
 */
export function createLog(options: { level: LogLevel; to: LineSink }): Log {
  const write = countingLost(options.to);
  const consola = createConsola({
    level: CONSOLA_LEVELS[options.level],
    throttle: 0,
    reporters: [
      {
        log(entry) {
          const [message, fields] = entry.args as [string, Fields];
          const level = NAMES[entry.type] ?? "INFO";
          if (options.level === "CRITICAL" && level !== "CRITICAL") return;
          write(formatLine(entry.date, level, message, fields));
        },
      },
    ],
  });
  return new ConsolaLog(consola, {});
}

function countingLost(to: LineSink): (line: string) => void {
  let lost = 0;
  const tellLost = () =>
    to.write(
      formatLine(new Date(), "WARNING", "lines of this log are lost: they could not be written", { lines: lost }),
    );
  return (line) => {
    if (lost > 0 && tellLost()) lost = 0;
    if (lost > 0 || !to.write(line)) lost++;
  };
}

class ConsolaLog implements Log {
  readonly #consola: ConsolaInstance;
  readonly #fields: Fields;

  constructor(consola: ConsolaInstance, fields: Fields) {
    this.#consola = consola;
    this.#fields = fields;
  }

  debug(message: string, fields?: Fields): void {
    this.#write("debug", message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#write("info", message, fields);
  }
  warning(message: string, fields?: Fields): void {
    this.#write("warn", message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#write("error", message, fields);
  }
  critical(message: string, fields?: Fields): void {
    this.#write("fatal", message, fields);
  }
  with(fields: Fields): Log {
    return new ConsolaLog(this.#consola, { ...this.#fields, ...fields });
  }
  #write(type: ConsolaType, message: string, fields?: Fields): void {
    this.#consola[type](message, { ...this.#fields, ...fields });
  }
}

/** A log that drops everything, for tests and for one-shot commands. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  critical() {},
  with: () => silentLog,
};
