/** Where the command line writes and what it knows of the terminal; handed in, so that commands are tested in-process. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stdoutIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  /** The width of the terminal of standard error, which another one than that of `screen` may be; 80 where it does not say. */
  readonly stderrColumns: number;
  readonly screen: Screen;
  /** Aborted when nobody wants the rest: Ctrl-C, or the reader of standard output is gone. */
  readonly signal: AbortSignal;
  readonly host: Host;
}

/** The terminal of standard output; 80 columns and 24 rows where it does not say. */
interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Calls back when it has another size; gives what ends that. */
  onResize(listener: () => void): () => void;
}

/** The process that a command runs in, for those that live long. */
export interface Host {
  /** Aborted by SIGINT and SIGTERM alone. */
  readonly interrupted: AbortSignal;
  /** From then on SIGHUP calls `listener` and ends nothing. */
  onHangup(listener: () => void): void;
  /** Ends the process at once. */
  exit(code: number): never;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The process's own streams. `host` is given by the owner of the signal handlers. A reader that went away
 * (`| head`) ends the output quietly; any other failure to write is thrown.
 */
export function processIo(host: Host): Io {
  const readerGone = new AbortController();
  // Not process.stdout: loading it takes longer than all the rest of a short command, so it is asked only for isTTY.
  return {
    stdout: writer(Bun.stdout, readerGone),
    stderr: writer(Bun.stderr, readerGone),
    get stdoutIsTTY() {
      return process.stdout.isTTY === true;
    },
    get stderrIsTTY() {
      return process.stderr.isTTY === true;
    },
    get stderrColumns() {
      return process.stderr.columns || COLUMNS;
    },
    screen: processScreen,
    signal: AbortSignal.any([host.interrupted, readerGone.signal]),
    host,
  };
}

const COLUMNS = 80;
const ROWS = 24;

const processScreen: Screen = {
  get columns() {
    return process.stdout.columns || COLUMNS;
  },
  get rows() {
    return process.stdout.rows || ROWS;
  },
  onResize(listener) {
    process.stdout.on("resize", listener);
    return () => void process.stdout.off("resize", listener);
  },
};

function writer(file: Bun.BunFile, readerGone: AbortController): (text: string) => void {
  let sink: Bun.FileSink | undefined;
  const failed = (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    readerGone.abort();
  };
  return (text) => {
    if (readerGone.signal.aborted) return;
    try {
      sink ??= file.writer();
      // Each is a promise where the reader is slower than we are; what is left is written before the process ends.
      for (const written of [sink.write(text), sink.flush()]) {
        if (written instanceof Promise) written.catch(failed);
      }
    } catch (error) {
      failed(error);
    }
  };
}
