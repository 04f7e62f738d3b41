import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Recoverable, start, type ReplOptions as NodeOptions, type REPLServer } from "node:repl";
import { completionOf, type Completion } from "./complete.ts";
import { evaluate, transpile, Unfinished, type Around } from "./evaluate.ts";
import { sentence, shown } from "./tell.ts";

const HISTORY_LINES = 1_000;
/** Whoever types does not wait for a branch. */
const COMPLETION_MS = 1_000;

interface ReplOptions {
  readonly prompt: string;
  /** The file that keeps what is typed. */
  readonly history: string | undefined;
  readonly colours: boolean;
  /** The names that are at hand, and those that were declared. */
  readonly names: () => readonly string[];
  /** Called with what ends the calls of the line that is evaluated next. */
  readonly onLine: (interrupted: AbortSignal) => void;
}

type Done = (error: Error | null, value: unknown) => void;

/** A person types, line by line, until Ctrl-D. Ctrl-C ends what is evaluated, or forgets what is typed. */
export async function runRepl(options: ReplOptions): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let running: AbortController | undefined;
  /** One line after another. */
  let answered = Promise.resolve();
  const how: NodeOptions & { historySize: number } = {
    prompt: options.prompt,
    useGlobal: true,
    ignoreUndefined: true,
    historySize: HISTORY_LINES,
    eval: (code, _context, _file, done) => take(code, done),
    // Its types know only of completing at once.
    completer: complete(options.names) as never,
    writer: (value: unknown) => shown(value, options.colours).trimEnd(),
  };
  const server = start(how);

  function take(code: string, done: Done): void {
    try {
      const script = transpile(code);
      // Lines may come at once, as when they are pasted: those behind this one are not its end.
      server.clearBufferedCommand();
      answered = answered.then(() => answer(script, done));
    } catch (error) {
      if (error instanceof Unfinished) return done(new Recoverable(error), undefined);
      server.output.write(sentence(error));
      done(null, undefined);
    }
  }

  async function answer(script: string, done: Done): Promise<void> {
    const interrupted = new AbortController();
    running = interrupted;
    options.onLine(interrupted.signal);
    try {
      const value = await evaluate(script, interrupted.signal, cooked);
      done(null, value);
    } catch (error) {
      server.output.write(interrupted.signal.aborted ? "interrupted\n" : sentence(error));
      done(null, undefined);
    } finally {
      running = undefined;
    }
  }

  server.removeAllListeners("SIGINT");
  server.on("SIGINT", () => (running ? running.abort() : forgetLine(server)));
  server.on("exit", end);
  if (options.history !== undefined) await keepHistory(server, options.history);
  await ended;
  await answered;
}

/** While the terminal is raw Ctrl-C is a key, which nobody reads as long as something runs that never waits. */
const cooked: Around = () => {
  if (!process.stdin.isTTY) return () => {};
  process.stdin.setRawMode(false);
  return () => void process.stdin.setRawMode(true);
};

function complete(names: ReplOptions["names"]) {
  return (line: string, done: (error: Error | null, completion: Completion) => void) => {
    const none: Completion = [[], line];
    const found = completionOf(line, globalThis as unknown as Record<string, unknown>, names());
    void Promise.race([found, Bun.sleep(COMPLETION_MS).then(() => none)])
      .catch(() => none)
      .then((completion) => done(null, completion));
  };
}

function forgetLine(server: REPLServer): void {
  server.clearBufferedCommand();
  // To its end, and then all before it.
  server.write("", { ctrl: true, name: "e" });
  server.write("", { ctrl: true, name: "u" });
  server.output.write("\n");
  server.displayPrompt();
}

/** What cannot be kept is not: a shell is of use without. */
async function keepHistory(server: REPLServer, path: string): Promise<void> {
  const folder = dirname(path);
  const isThere = await mkdir(folder, { recursive: true, mode: 0o700 }).then(
    () => true,
    () => false,
  );
  if (isThere) await new Promise<void>((resolve) => server.setupHistory(path, () => resolve()));
}
