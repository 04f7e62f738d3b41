/** Where the command line writes and what it knows of the terminal; handed in, so that commands are tested in-process. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stdoutIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  /** Width of the terminal, 80 without one. */
  readonly columns: number;
  /** Aborted when nobody wants the rest: Ctrl-C, or the reader of standard output is gone. */
  readonly signal: AbortSignal;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The process's own streams. `interrupted` is aborted by the owner of the signal handlers. A reader that went away
 * (`| head`) ends the output quietly; any other failure to write is thrown.
 */
export function processIo(interrupted: AbortSignal): Io {
  const readerGone = new AbortController();
  const signal = AbortSignal.any([interrupted, readerGone.signal]);
  const writer = (stream: NodeJS.WriteStream) => {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      readerGone.abort();
    });
    return (text: string) => {
      if (!readerGone.signal.aborted) stream.write(text);
    };
  };
  return {
    stdout: writer(process.stdout),
    stderr: writer(process.stderr),
    stdoutIsTTY: process.stdout.isTTY === true,
    stderrIsTTY: process.stderr.isTTY === true,
    columns: process.stdout.columns || 80,
    signal,
  };
}
